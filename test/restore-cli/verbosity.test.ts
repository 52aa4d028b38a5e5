import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { setTimeout } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import type { Invocation } from '../../restore-cli/invocation.ts'
import { makeOutput } from '../../restore-cli/output.ts'
import { buildProgram } from '../../restore-cli/program.ts'
import { HeldOutput } from '../../restore-cli/verbosity.ts'
import { makeFolder, runCommand } from './command-line.ts'
import { startSandboxedCommands } from './sandboxed-commands.ts'

const home = makeFolder()
const data = join(home, 'data')
mkdirSync(data)
writeFileSync(join(data, 'file'), 'content')
const env = { HOME: home }
afterEach(() => vi.unstubAllEnvs())

test('--quiet shows nothing of a command that did its work, before and after its name', async () => {
  expect(await runCommand(['examine', data], { env })).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('1 file') as string,
  })
  for (const args of [
    ['examine', data, '--quiet'],
    ['-q', 'examine', data],
  ])
    expect(await runCommand(args, { env })).toMatchObject({ status: 0, stdout: '', stderr: '' })
  expect((await runCommand(['examine', data, '--quiet', '--json'], { env })).records()).toHaveLength(1)
})

test('--quiet shows the report of a command that found something', async () => {
  const { holdfast } = await startSandboxedCommands()
  const vault = ['--bucket', 'locked', '--source', 'rental', '--quiet']
  expect(await holdfast(['backup', data, ...vault])).toMatchObject({ status: 0, stdout: '', stderr: '' })
  const check = await holdfast(['check', ...vault, '--promise-days', '300'])
  expect(check.status).toBe(14)
  expect(check.stdout).toContain('lock')
})

test('--quiet shows what a user asked to see', async () => {
  const outcome = await runCommand(['blast-radius', '--directory', data, '--quiet'], { env })
  expect(outcome.stdout).not.toBe('')
  expect((await runCommand(['completion', 'bash', '--quiet'], { env })).stdout).not.toBe('')
})

test.each([
  [[], undefined, 'info'],
  [['--log-level', 'warning'], undefined, 'warning'],
  [['--log-level', 'error'], 'debug', 'error'],
  [['--quiet'], undefined, 'warning'],
  [['--quiet'], 'debug', 'warning'],
  [['--quiet', '--log-level', 'error'], undefined, 'error'],
  [[], 'debug', 'debug'],
] as const)('%j with HOLDFAST_LOG_LEVEL=%s is the level %s', async (options, variable, level) => {
  vi.stubEnv('HOLDFAST_LOG_LEVEL', variable)
  const invocation: Invocation = {
    ...{ bin: 'holdfast', environment: {}, signal: new AbortController().signal },
    ...{ stdout: new PassThrough(), stderr: new PassThrough() },
  }
  const args = ['completion', 'bash', ...options]
  await (await buildProgram(invocation, args)).parseAsync(args, { from: 'user' })
  expect(invocation.logLevel).toBe(level)
})

test('progress is shown from the level info on, a stack trace at debug', async () => {
  for (const [level, shown] of [
    ['error', false],
    ['warning', false],
    ['info', true],
    ['debug', true],
  ] as const) {
    const stderr = new PassThrough({ encoding: 'utf8' })
    const environment = { HOLDFAST_PROGRESS_SECONDS: '1' }
    const output = makeOutput({ stdout: new PassThrough(), stderr, environment, logLevel: level }, false)
    await output.during('working', () => setTimeout(1_100))
    expect(stderr.read() === 'working\n', level).toBe(shown)
    const args = ['snapshots', '--bucket', 'vault', '--source', 'NO', '--log-level', level]
    expect(/^\s+at /m.test((await runCommand(args, { env })).stderr), level).toBe(level === 'debug')
  }
})

test('a wrong level is wrong usage, also in the environment', async () => {
  for (const outcome of [
    await runCommand(['examine', data, '--log-level', 'loud'], { env }),
    await runCommand(['examine', data], { env: { ...env, HOLDFAST_LOG_LEVEL: 'loud' } }),
  ])
    expect(outcome).toMatchObject({ status: 2, stderr: expect.stringContaining('error, warning') as string })
})

test('a held report that grows long is shown, so that memory does not grow with it', () => {
  const target = new PassThrough({ highWaterMark: 16 * 1024 * 1024 })
  const held = new HeldOutput(target)
  held.write('x'.repeat(1024 * 1024))
  expect(target.readableLength).toBe(0)
  held.write('y')
  expect(target.readableLength).toBe(1024 * 1024 + 1)
  held.write('z')
  expect(target.readableLength).toBe(1024 * 1024 + 2)
})

test.runIf(spawnSync('script', ['--version']).status === 0)(
  'a terminal gets colors, but with NO_COLOR none',
  () => {
    const source = (file: string) => pathToFileURL(resolve(import.meta.dirname, '../..', file)).href
    const programs = [
      `import { Terminal } from '${source('lab/incident/report/terminal.ts')}'
new Terminal(process.stdout).begin('wipe', 'working')`,
      `import { showProgress } from '${source('restore-cli/render/progress.ts')}'
const progress = showProgress(process.stderr, { json: false, intervalMs: 1, phase: 'working' })
setTimeout(() => progress.stop(), 300)`,
    ]
    const file = join(home, 'program.mjs')
    const command = `${process.execPath} --disable-warning=ExperimentalWarning ${file}`
    const shown = (variables: Record<string, string>): string =>
      spawnSync('script', ['-qec', command, '/dev/null'], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm-256color', ...variables },
      }).stdout
    for (const program of programs) {
      writeFileSync(file, program)
      // A color ends in `m`; other sequences move the cursor.
      expect(shown({})).toMatch(/\u001b\[\d+m/)
      expect(shown({ NO_COLOR: '1' })).not.toMatch(/\u001b\[\d+m/)
      expect(shown({ NO_COLOR: '1' })).toContain('working')
    }
  },
)
