import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'
import { judge } from './runner.ts'
import { VitestSession } from './vitest-session.ts'

const sound = 'export const isEven = (n: number): boolean => n % 2 === 0\n'
const tests = `
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isEven } from './source.ts'

describe('a number', () => {
  test('is even', () => expect(isEven(2)).toBe(true))
  test('is odd', () => expect(isEven(1)).toBe(false))
  test('leaves a process behind', () => {
    const { pid } = spawn('sleep', ['300'])
    writeFileSync('orphan', String(pid))
  })
})
`

function makeSession(limitMs: number) {
  const directory = makeTemporaryDirectory()
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(directory, 'node_modules'))
  writeFileSync(
    join(directory, 'vitest.config.ts'),
    "export default { test: { pool: 'forks', maxWorkers: 1 } }\n",
  )
  writeFileSync(join(directory, 'source.ts'), sound)
  writeFileSync(join(directory, 'source.test.ts'), tests)
  const session = new VitestSession(directory, limitMs)
  onTestFinished(() => session.end())
  const run = (source: string, titled: string[] = [], bail = true) => {
    writeFileSync(join(directory, 'source.ts'), source)
    return session
      .run({ files: ['source.test.ts'], titled, bail, changedFiles: ['source.ts'] })
      .finally(() => writeFileSync(join(directory, 'source.ts'), sound))
  }
  return { directory, run }
}

function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'latin1'))
}

const caught = (title: string) => ({ kind: 'caught', file: 'source.test.ts', title })

test('each run sees the source as it is, and the first red test ends it', async () => {
  const { run } = makeSession(60_000)
  expect(judge(await run(sound))).toEqual({ kind: 'survived' })
  const never = await run(sound.replace('===', '!=='))
  expect(judge(never)).toEqual(caught('a number is even'))
  expect(never!.filter(({ status }) => status === 'failed')).toHaveLength(1)
  expect(judge(await run(sound))).toEqual({ kind: 'survived' })
  const always = sound.replace('n % 2 === 0', 'n > 0')
  expect(judge(await run(always, ['is even']))).toEqual({ kind: 'survived' })
  expect(judge(await run(always, ['is even', 'is odd']))).toEqual(caught('a number is odd'))
  const outcomes = await run('export const isEven = (): boolean => { throw new Error() }\n', [], false)
  expect(outcomes!.filter(({ status }) => status === 'failed')).toHaveLength(2)
})

test('a source that does not load is no catch, and does not spoil the next run', async () => {
  const { run } = makeSession(60_000)
  expect(judge(await run('export const isEven = ('))).toEqual({ kind: 'invalid', reason: 'no test ran' })
  expect(judge(await run('throw new Error()'))).toEqual({ kind: 'invalid', reason: 'no test ran' })
  expect(judge(await run(sound))).toEqual({ kind: 'survived' })
})

test('a run that hangs ends at the limit, and the next run is sound', async () => {
  const { run } = makeSession(10_000)
  expect(await run('while (true);')).toBeNull()
  expect(judge(await run(sound))).toEqual({ kind: 'survived' })
})

test('processes that tests leave behind end before the next run', async () => {
  const { directory, run } = makeSession(60_000)
  await run(sound)
  const orphan = Number(readFileSync(join(directory, 'orphan'), 'utf8'))
  expect(isRunning(orphan)).toBe(true)
  await run(sound, ['is even'])
  expect(isRunning(orphan)).toBe(false)
})
