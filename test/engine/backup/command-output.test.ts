import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CommandOutput, runCommand } from '../../../engine/backup/command-output.ts'
import type { CommandRun } from '../../../engine/backup/command-output.ts'
import { wallClock } from '../../../restore-cli/wall-clock.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

let source: ProtectedSource
beforeEach(() => {
  source = new ProtectedSource()
})

const started: number[] = []
afterEach(() => {
  for (const pid of started.splice(0)) expect(isAlive(pid)).toBe(false)
})

/** A process that ended is a zombie until another one asks for its status. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function runOf(script: string, run: Partial<CommandRun> = {}): CommandRun {
  return {
    argv: [process.execPath, '-e', script],
    environment: { PATH: process.env['PATH'] },
    clock: wallClock,
    signal: undefined,
    timeoutMs: null,
    ...run,
  }
}

function backUp(run: CommandRun, allowEmpty = false) {
  const streamed = new CommandOutput(run, { name: 'dump.sql', allowEmpty })
  return source.backup({ directory: '/', streamed })
}

const manifests = (): unknown[] => [...source.store.versions].filter(({ key }) => key.includes('/manifests/'))

const write =
  'process.stdout.write(Array.from({ length: 300000 }, (_, n) => n + " row of a table\\n").join(""));'

describe('the standard output of a command', () => {
  test('is a snapshot with one file, and the second one uploads what changed', async () => {
    const first = await backUp(runOf(write))
    expect(first).toMatchObject({ complete: true, files: 1, entries: 2 })
    const second = await backUp(runOf(`${write} console.log("one more")`))
    expect(second.bytesNew).toBeLessThan(first.bytesNew / 10)
    const snapshot = await source.snapshot(second.snapshot!.id)
    expect(snapshot.manifest.client.root).toBe('output of node')
    const { target } = await source.restore()
    expect(existsSync(join(target, 'dump.sql'))).toBe(true)
  })

  test.each([
    ['that ends with another status', `${write} process.exitCode = 3`, 'ended with status 3'],
    [
      'that is killed',
      `${write} setTimeout(() => process.kill(process.pid, "SIGKILL"), 50)`,
      'was ended by SIGKILL',
    ],
    ['that says why', `${write} console.error("no such table"); process.exitCode = 1`, 'no such table'],
  ])('of a command %s is no snapshot', async (_, script, message) => {
    await expect(backUp(runOf(script))).rejects.toMatchObject({
      code: 'command-failed',
      message: expect.stringContaining(message) as string,
    })
    expect(manifests()).toEqual([])
  })

  test('of a command that closes it and then fails is no snapshot', async () => {
    const script = `${write} process.stdout.end(() => setTimeout(() => process.exit(1), 100))`
    await expect(backUp(runOf(script))).rejects.toMatchObject({ code: 'command-failed' })
    expect(manifests()).toEqual([])
  })

  test('is refused if it is empty, unless that is allowed', async () => {
    await expect(backUp(runOf(''))).rejects.toMatchObject({ code: 'invalid-input' })
    expect(await backUp(runOf(''), true)).toMatchObject({ complete: true, bytes: 0 })
  })
})

test('a command that is not there is named', async () => {
  await expect(runCommand(runOf('', { argv: ['/nowhere/pg_dump'] }))).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringContaining("pg_dump can't be started") as string,
  })
})

/** Starts another program, and writes both process ids into a file. */
function parentScript(pidFile: string): string {
  return `const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, process.pid + ' ' + child.pid)
    setInterval(() => {}, 1000)`
}

async function readPids(pidFile: string): Promise<void> {
  while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') await sleep(20)
  started.push(...readFileSync(pidFile, 'utf8').split(' ').map(Number))
}

test('a command that takes too long is ended, with the programs that it started', async () => {
  const pidFile = join(source.root, 'pids')
  const failure = expect(backUp(runOf(parentScript(pidFile), { timeoutMs: 1500 }))).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringContaining('within 1.5 s') as string,
  })
  await readPids(pidFile)
  await failure
  await sleep(100)
  expect(manifests()).toEqual([])
})

test('a backup that is stopped ends the command, with the programs that it started', async () => {
  const pidFile = join(source.root, 'pids')
  const stop = new AbortController()
  const failure = expect(backUp(runOf(parentScript(pidFile), { signal: stop.signal }))).rejects.toThrow(
    'stopped',
  )
  await readPids(pidFile)
  stop.abort(new Error('stopped'))
  await failure
  await sleep(100)
})

test('a command whose reader fails is ended', async () => {
  const pidFile = join(source.root, 'pids')
  writeFileSync(pidFile, '')
  const failure = expect(
    runCommand(runOf(`${parentScript(pidFile)}; console.log("x")`), async (stdout) => {
      for await (const _ of stdout) throw new Error('the store is away')
    }),
  ).rejects.toThrow('the store is away')
  await readPids(pidFile)
  await failure
  await sleep(100)
})
