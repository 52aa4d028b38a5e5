// A vault with more manifests than any honest one: a reader lists and chooses in little memory, its requests grow
// with what it reads, and its messages stay short. Prints the figures.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { FloodAnswer, FloodTask } from '../../fixtures/flooded-vault-process.ts'

const script = fileURLToPath(new URL('../../fixtures/flooded-vault-process.ts', import.meta.url))
const maxMiB = 256
const maxMessageBytes = 8 * 1024

async function run(task: FloodTask): Promise<FloodAnswer> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    script,
    JSON.stringify(task),
  ])
  const answer = JSON.parse(stdout) as FloodAnswer
  process.stdout.write(
    `${task.operation} of ${task.manifests} manifests (${task.kind}${task.atOnce ? ', in one second' : ''}): ${answer.maxRssMiB} MiB, ${answer.gets} GETs, ${answer.ms} ms, ${answer.textBytes} bytes of text\n`,
  )
  expect(answer.maxRssMiB).toBeLessThan(maxMiB)
  return answer
}

test('among a million versions the newest is chosen with one request for a manifest', async () => {
  const answer = await run({ kind: 'good', manifests: 1_000_000, atOnce: false, operation: 'choose' })
  expect(answer).toMatchObject({ outcome: expect.stringMatching(/^01/) as unknown, gets: 1, textBytes: 0 })
})

test('among 100,000 manifests of which 99,999 are bad the good one is chosen', async () => {
  const answer = await run({ kind: 'bad', manifests: 100_000, atOnce: false, operation: 'choose' })
  expect(answer.outcome).toMatch(/^01/)
  expect(answer.gets).toBeLessThanOrEqual(2 * 100_000 + 1)
  expect(answer.textBytes).toBeLessThan(maxMessageBytes)
})

test('100,000 bad manifests of one second end in a short message', async () => {
  const answer = await run({ kind: 'all-bad', manifests: 100_000, atOnce: true, operation: 'choose' })
  expect(answer.outcome).toBe('no-recovery-point')
  expect(answer.textBytes).toBeLessThan(maxMessageBytes)
})

test('manifests of 2 KB that decode to 48 MiB each are refused before they are decoded', async () => {
  const answer = await run({ kind: 'bombs', manifests: 16, atOnce: true, operation: 'choose' })
  expect(answer.outcome).toMatch(/^01/)
})

test('10,000 snapshots of one second are ambiguous, and the message names a few', async () => {
  const answer = await run({ kind: 'good', manifests: 10_000, atOnce: true, operation: 'choose' })
  expect(answer.outcome).toBe('ambiguous')
  expect(answer.textBytes).toBeLessThan(maxMessageBytes)
})

test.each(['list', 'list --json'] as const)('`snapshots` prints while it reads (%s)', async (operation) => {
  const answer = await run({ kind: 'good', manifests: 10_000, atOnce: false, operation })
  expect(answer.readsBeforeFirstRow).toBeLessThanOrEqual(16)
  expect(answer.gets).toBe(10_000)
})
