import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { buildProgram } from '../../restore-cli/program.ts'
import { makeFolder, runCommand, runProcess } from './command-line.ts'
import { loadedBy } from './loaded-modules.ts'

const home = makeFolder()
const env = { HOME: home }

test.each([
  ['holdfast', 'main.ts', ['--help']],
  ['holdfast backup', 'main.ts', ['backup', '--help']],
  ['holdfast snapshots', 'main.ts', ['snapshots', '-h']],
  ['holdfast restore', 'main.ts', ['restore', '--help']],
  ['holdfast login', 'main.ts', ['login', '--help']],
  ['holdfast logout', 'main.ts', ['logout', '--help']],
  ['holdfast ls', 'main.ts', ['ls', '--help']],
  ['holdfast find', 'main.ts', ['find', '--help']],
  ['holdfast diff', 'main.ts', ['diff', '--help']],
  ['holdfast stats', 'main.ts', ['stats', '--help']],
  ['holdfast verify', 'main.ts', ['verify', '--help']],
  ['holdfast custodian', 'main.ts', ['custodian', '--help']],
  ['holdfast notary', 'main.ts', ['notary', '--help']],
  ['holdfast retire', 'main.ts', ['retire', '--help']],
  ['holdfast check', 'main.ts', ['check', '--help']],
  ['holdfast drill', 'main.ts', ['drill', '--help']],
  ['holdfast report', 'main.ts', ['report', '--help']],
  ['holdfast watch', 'main.ts', ['watch', '--help']],
  ['holdfast agent-session', 'main.ts', ['agent-session', '--help']],
  ['holdfast break-glass', 'main.ts', ['break-glass', '--help']],
  ['holdfast break-glass approve', 'main.ts', ['break-glass', 'approve', '--help']],
  ['holdfast blast-radius', 'main.ts', ['blast-radius', '--help']],
  ['holdfast completion', 'main.ts', ['completion', '--help']],
  ['restore', 'restore-main.ts', ['--help']],
] as const)('the help of `%s`', async (_name, bin, args) => {
  const outcome = await runCommand(args, { bin, env })
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(outcome.stdout).toMatchSnapshot()
})

test.each(['main.ts', 'restore-main.ts'] as const)("the version of %s is the package's", async (bin) => {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } })
  expect(await runProcess(['--version'], { bin, env })).toMatchObject({
    status: 0,
    stdout: `${manifest.version}\n`,
    stderr: '',
  })
})

test.each([
  [[]],
  [['bakcup']],
  [['backup', '.']],
  [['backup', '--source', 's']],
  [['backup', '.', '--source', 's']],
  [['backup', '.', 'more', '--source', 's', '--bucket', 'vault']],
  [['backup', '.', '--source', 's', '--kind', 'mysql']],
  [['backup', '.', '--source', 's', '--promise-days', '1.5']],
  [['backup', '.', '--source', 's', '--bucket', 'vault', '--stopped']],
  [['backup', '.', '--source', 's', '--bucket', 'vault', '--role-arn', 'admin']],
  [['backup', '.', '--source', '../s', '--bucket', 'vault']],
  [['restore', '--bucket', 'vault']],
  [['restore', '--target']],
  [['restore', '--target', '/r', '--point-in-tme', '2026-04-24T10:00:00Z']],
  [
    [
      'restore',
      '--target',
      '/r',
      '--bucket',
      'vault',
      '--snapshot',
      'x',
      '--point-in-time',
      '2026-04-24T10:00:00Z',
    ],
  ],
  [['restore', '--target', '/r', '--bucket', 'vault', '--point-in-time', '2026-04-24T10:00:00']],
  [['restore', '--target', '/r', '--bucket', 'vault', '--point-in-time', 'yesterday\u001b[31m']],
  [['restore', '--target', '/r', '--bucket', 'vault', '../etc/passwd']],
  [['restore', '--target', '/r', '--bucket', 'vault', '/etc/passwd']],
  [['verify', '--bucket', 'vault', '--endpoint', 'nowhere']],
  [['snapshots', '--config', '/nonexistent.json']],
])('%j is wrong usage, and the hint shows the right one', async (args) => {
  const outcome = await runCommand(args, { env: { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } })
  expect(outcome.stderr).toMatchSnapshot()
  expect(outcome.stderr).not.toMatch(/^\s+at /m)
  expect(outcome.stderr.match(/^hint: /gm)).toHaveLength(1)
  expect([outcome.status, outcome.stdout]).toEqual([args[1] === '--config' ? 5 : 2, ''])
})

test('with --json, an error is a record too', async () => {
  const outcome = await runCommand(['restore', '--json'], { env })
  expect(outcome.status).toBe(2)
  expect(JSON.parse(outcome.stderr)).toMatchObject({
    type: 'error',
    code: 'invalid-input',
    exitStatus: 2,
    hint: expect.stringContaining('--help') as string,
  })
})

test('an argument after `--` is not an option', async () => {
  const outcome = await runCommand(['restore', '--target', '/r', '--', '--json', '/x'], {
    env: { ...env, HOLDFAST_BUCKET: 'vault' },
  })
  expect(outcome.stderr).toMatch(/^holdfast: "\/x" is not a path/)
})

test('a stack trace is shown on demand only', async () => {
  const outcome = await runCommand(['snapshots', '--bucket', 'vault', '--source', 'NO'], {
    env: { ...env, HOLDFAST_DEBUG: '1' },
  })
  expect(outcome.stderr).toMatch(/^\s+at /m)
  expect(outcome.status).toBe(2)
})

test('help loads nothing heavy: commands load the AWS SDK, the engine and schemas only when they run', () => {
  const folder = resolve(import.meta.dirname, '../../restore-cli')
  const commands = readdirSync(join(folder, 'commands')).map((name) => join(folder, 'commands', name))
  const { files, packages } = loadedBy([join(folder, 'main.ts'), ...commands], { withDynamic: false })
  expect(files).toEqual(expect.arrayContaining([join(folder, 'open-vault.ts')]))
  expect(packages.filter((name) => !name.startsWith('node:'))).toEqual([
    'commander',
    'pretty-bytes',
    'yocto-spinner',
  ])
})

test('the list of commands loads none of them, so that `holdfast --help` starts at once', async () => {
  const folder = resolve(import.meta.dirname, '../../restore-cli')
  const { files } = loadedBy([join(folder, 'run.ts')], { withDynamic: false })
  expect(files).toContain(join(folder, 'program.ts'))
  expect(files.filter((file) => file.startsWith(join(folder, 'commands')))).toEqual([])
  const invocation = { environment: {}, signal: new AbortController().signal }
  const program = await buildProgram({
    ...invocation,
    bin: 'holdfast',
    stdout: process.stdout,
    stderr: process.stderr,
  })
  // A command that was loaded has options of its own.
  expect(program.commands.length).toBeGreaterThan(20)
  expect(program.commands.filter(({ options }) => options.length > 0)).toEqual([])
})

test('an interval of progress that is not a whole number of seconds is refused', async () => {
  for (const seconds of ['soon', '-1', '1.5', '10000']) {
    const outcome = await runCommand(['examine', home], {
      env: { ...env, HOLDFAST_PROGRESS_SECONDS: seconds },
    })
    expect(outcome).toMatchObject({ status: 2, stdout: '' })
    expect(outcome.stderr).toContain('HOLDFAST_PROGRESS_SECONDS')
  }
})
