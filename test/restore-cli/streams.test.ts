import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { run } from '../../restore-cli/run.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

const main = resolve(import.meta.dirname, '../../restore-cli/main.ts')

/** A directory that `examine` passes. */
function readable(): string {
  const directory = makeTemporaryDirectory()
  writeFileSync(join(directory, 'file'), 'content')
  return directory
}

/** A stream on which each write fails. */
function broken(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write failed'), { code })),
  })
}

async function runWith(
  args: readonly string[],
  { stdout = new PassThrough(), stderr = new PassThrough() }: { stdout?: Writable; stderr?: Writable } = {},
): Promise<{ status: number; stderr: string; stdout: string }> {
  const status = await run('holdfast', args, { env: {}, stdout, stderr })
  const textOf = (stream: Writable): string =>
    stream instanceof PassThrough ? String(stream.read() ?? '') : ''
  return { status, stderr: textOf(stderr), stdout: textOf(stdout) }
}

describe('standard output', () => {
  test.each([
    ['ENOSPC', 12, 'no space'],
    ['EDQUOT', 12, 'no space'],
    ['EIO', 11, 'EIO'],
  ])('that fails with %s ends the command with a message and %i', async (code, status, text) => {
    const outcome = await runWith(['examine', readable()], { stdout: broken(code) })
    expect(outcome.status).toBe(status)
    expect(outcome.stderr).toContain(text)
    expect(outcome.stderr).toContain('report is lost')
  })

  test('that was closed is no failure', async () => {
    const outcome = await runWith(['examine', readable()], { stdout: broken('EPIPE') })
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
  })

  test.runIf(existsSync('/dev/full'))('on a full disk, of a real process', async () => {
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [main, 'examine', readable(), '--json'], {
      stdio: ['ignore', full, 'pipe'],
    })
    closeSync(full)
    let stderr = ''
    child.stderr!.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
    const status = await new Promise((done) => child.once('close', done))
    expect(status).toBe(12)
    expect(JSON.parse(stderr)).toMatchObject({ type: 'error', code: 'disk-full' })
  })
})

test('standard error that fails changes nothing', async () => {
  const outcome = await runWith(['examine', join(makeTemporaryDirectory(), 'none')], {
    stderr: broken('ENOSPC'),
  })
  expect(outcome.status).toBe(5)
})

test.each([[['--json']], [['backup', '--json']], [['nonsense', '--json']]])(
  'with --json, wrong usage is a record alone: %j',
  async (args) => {
    const { status, stdout, stderr } = await runWith(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { type: string }).type),
    ).toEqual(['error'])
  },
)

test('with --json, a warning of Node is a record', async () => {
  const stderr = new PassThrough()
  const running = runWith(['examine', readable(), '--json'], { stderr })
  process.emit('warning', Object.assign(new Error('two\nlines'), { name: 'DeprecationWarning' }))
  const outcome = await running
  expect(JSON.parse(outcome.stderr)).toEqual({ type: 'warning', message: 'DeprecationWarning: two\nlines' })
})

test('a terminal that goes away stops the command with a message and 130', async ({ onTestFinished }) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  onTestFinished(() => {
    vi.useRealTimers()
    exit.mockRestore()
  })
  const stderr = new PassThrough()
  const running = runWith(['examine', '/proc'], { stderr })
  process.emit('SIGHUP', 'SIGHUP')
  const outcome = await running
  expect(outcome.status).toBe(130)
  expect(outcome.stderr).toContain('stopped by SIGHUP')
  // The process of a test lives on, and the grace time must not end it.
  vi.advanceTimersByTime(60_000)
  expect(exit).not.toHaveBeenCalled()
})

test.each([
  ['--bucket', 'arn:aws:s3:::vault'],
  ['--bucket', 'arn:aws:s3:eu-central-1:111122223333:accesspoint/vault'],
  ['--bucket', 's3://vault'],
  ['--bucket', 'vault/folder'],
  ['--role-arn', 'arn:aws:iam::111122223333:user/maria'],
  ['--role-arn', 'holdfast-restorer'],
])('%s %s is wrong usage, and no defect', async (option, value) => {
  const bucket = option === '--bucket' ? [] : ['--bucket', 'vault']
  const { status, stderr } = await runWith([
    'snapshots',
    '--endpoint',
    'http://127.0.0.1:1',
    ...bucket,
    option,
    value,
  ])
  expect(stderr).not.toContain('defect')
  expect({ status, stderr }).toMatchObject({ status: 2 })
})
