import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { measure } from '../../../lab/bench/measured-process.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

function node(script: string, env: Record<string, string> = {}) {
  return { program: process.execPath, args: ['-e', script], env, directory: makeTemporaryDirectory() }
}

test("a process is measured whole: its time, its processor, its memory, and its children's", async () => {
  const folder = makeTemporaryDirectory()
  const work = 'const until = process.cpuUsage().user + 300000; while (process.cpuUsage().user < until);'
  const child = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(`${work} Buffer.alloc(200e6, 1)`)}])`
  const { cost } = await measure(node(child), folder)
  expect(cost.cpuSeconds).toBeGreaterThan(0.3)
  expect(cost.seconds).toBeGreaterThan(0.3)
  expect(cost.peakBytes).toBeGreaterThan(200e6)
  expect(readdirSync(folder)).toEqual([])
})

test('it gets exactly the given environment, and its output is returned', async () => {
  const { output } = await measure(
    node('console.error(process.env.GIVEN, process.env.HOME ?? "no home")', { GIVEN: 'this' }),
    makeTemporaryDirectory(),
  )
  expect(output).toBe('this no home\n')
})

test('one that fails is no measurement: its last words are the error', async () => {
  await expect(
    measure(node('console.log("no such bucket"); process.exit(3)'), makeTemporaryDirectory()),
  ).rejects.toThrow(/ended with 3 .*no such bucket/s)
})

test('one that ends with the status that says nothing bad of it is measured', async () => {
  const { output } = await measure(
    { ...node('console.log("whole, but not locked"); process.exit(9)'), alsoEndsWith: 9 },
    makeTemporaryDirectory(),
  )
  expect(output).toBe('whole, but not locked\n')
})

test('one that takes too long is ended, with its children', async () => {
  await expect(measure(node('setInterval(() => {}, 1000)'), makeTemporaryDirectory(), 1)).rejects.toThrow(
    /ended with -9/,
  )
})
