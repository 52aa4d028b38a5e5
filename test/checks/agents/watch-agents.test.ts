import { gzipSync } from 'node:zlib'
import { beforeEach, expect, test } from 'vitest'
import { maxRecordBytes, RecordSplitter } from '../../../checks/agents/record-splitter.ts'
import { watchAgents } from '../../../checks/agents/watch-agents.ts'
import type { AgentResult } from '../../../checks/agents/watch-agents.ts'
import { eventOf, production, SimulatedTrail } from './simulated-trail.ts'

const usual = ['s3:GetObject', 'ec2:DescribeInstances', 'rds:DescribeDBInstances']
const minuteMs = 60_000
let trail: SimulatedTrail

beforeEach(() => {
  trail = new SimulatedTrail()
  trail.usualDays(28, usual)
})

function run(accepted: readonly string[] = [], accounts = [production]): Promise<AgentResult> {
  return watchAgents({
    store: trail.store,
    accounts,
    regions: [],
    historyDays: 28,
    accepted: new Set(accepted),
    nowMs: trail.nowMs,
    signal: new AbortController().signal,
  })
}

async function findings(...args: Parameters<typeof run>): Promise<string[]> {
  return (await run(...args)).outcome.findings.map(
    ({ status, subject, detail }) => `${status} ${subject}: ${detail}`,
  )
}

test('an agent that does what it always did passes', async () => {
  expect((await run()).outcome).toMatchObject({ status: 'passed', findingCount: 0 })
  expect((await run()).events).toBe(29 * usual.length)
})

test('a call that an agent never made before is red, denied or not, until an operator accepts it', async () => {
  trail.add([{ timeMs: trail.nowMs, call: 'rds:DeleteDBInstance', errorCode: 'AccessDenied' }])
  expect(await findings()).toEqual([
    expect.stringMatching(
      /^failed deploy: it never made the call rds:DeleteDBInstance before: 1 time since .*, of which AWS denied 1$/,
    ),
  ])
  expect(await findings(['deploy/rds:DeleteDBInstance'])).toEqual([])
  expect(await findings(['rds:DeleteDBInstance'])).toEqual([])
  expect(await findings(['other/rds:DeleteDBInstance'])).toHaveLength(1)
})

test('the calls of one agent are no history of another one', async () => {
  trail.usualDays(28, ['kms:Decrypt'], 'support')
  trail.add([{ timeMs: trail.nowMs, call: 's3:GetObject', agent: 'support' }])
  expect(await findings()).toEqual([
    expect.stringMatching(/^failed support: it never made the call s3:GetObject/),
  ])
})

test('a burst of denials of usual calls is red, and a few are not', async () => {
  const deny = (count: number): void =>
    trail.add(
      Array.from({ length: count }, (_, index) => ({
        timeMs: trail.nowMs - 30 * minuteMs + index,
        call: 's3:GetObject',
        errorCode: 'AccessDenied',
      })),
    )
  deny(8)
  expect(await findings()).toEqual([])
  deny(8)
  expect(await findings()).toEqual([
    expect.stringMatching(
      /^failed deploy: AWS denied 16 of its calls in the hour from .*; usual is at most 10$/,
    ),
  ])
})

test('an agent is learned for two weeks, and other callers are none', async () => {
  trail.usualDays(10, ['kms:Decrypt'], 'new')
  trail.add([
    { timeMs: trail.nowMs, call: 's3:DeleteBucket', agent: 'new' },
    { timeMs: trail.nowMs, call: 's3:DeleteBucket', agent: null },
  ])
  expect(await findings()).toEqual([])
})

test('a delegated administrator that was registered is red, whoever did it, and a denied try is not', async () => {
  const call = 'organizations:RegisterDelegatedAdministrator'
  trail.add([{ timeMs: trail.nowMs, call, agent: null, errorCode: 'AccessDeniedException' }])
  expect(await findings()).toEqual([])
  trail.add([{ timeMs: trail.nowMs, call, agent: null }])
  expect(await findings()).toEqual([
    expect.stringMatching(/^failed delegated administrators: organizations:Reg/),
  ])
})

test('an organization has a folder more', async () => {
  trail = new SimulatedTrail(`AWSLogs/o-abcdefghij/${production}/CloudTrail/eu-central-1/`)
  trail.usualDays(28, usual)
  expect((await run()).events).toBe(29 * usual.length)
})

test.each([
  ['garbage', Buffer.from('x'), /does not unpack/],
  ['a file that ends early', gzipSync('{"Records":[{"eventName":"x"}'), /ends early/],
  ['a file that is no JSON', gzipSync('}}}}'), /ends early/],
  ['a file that is nested too deeply', gzipSync('['.repeat(100)), /nested too deeply/],
  ['a record that is no event', gzipSync('{"Records":[{"eventName":"\\u0000"}]}'), /1 of its records/],
])('%s is no proof, and the other files are read', async (_, body, reason) => {
  trail.deliver(trail.nowMs, body)
  const { outcome, events } = await run()
  expect(outcome.status).toBe('unknown')
  expect(outcome.findings).toEqual([
    expect.objectContaining({ status: 'unknown', detail: expect.stringMatching(reason) as string }),
  ])
  expect(events).toBe(29 * usual.length)
})

test('an account without an event of the last days could not tell', async () => {
  expect((await run([], [production, '777788889999'])).outcome).toMatchObject({ status: 'unknown' })
  trail.store.nowMs += 3 * 86_400_000
  expect((await run()).outcome).toMatchObject({ status: 'unknown' })
})

test('a file is split where its records end, wherever its chunks end', () => {
  const events = ['a', 'b"}{', 'c\\'].map((text) => ({
    ...eventOf({ timeMs: 0, call: 's3:GetObject' }),
    text,
  }))
  const bytes = Buffer.from(JSON.stringify({ Records: events }))
  for (const step of [1, 2, 3, 7, 64, bytes.length]) {
    const splitter = new RecordSplitter()
    const records: unknown[] = []
    for (let offset = 0; offset < bytes.length; offset += step)
      for (const text of splitter.feed(bytes.subarray(offset, offset + step))) records.push(JSON.parse(text))
    expect(records).toEqual(events)
    expect(splitter.isWhole).toBe(true)
  }
})

test('a record that is too long is counted, held in no memory, and the next one is read', () => {
  const splitter = new RecordSplitter()
  splitter.feed(Buffer.from('{"Records":[{"text":"'))
  const chunk = Buffer.alloc(maxRecordBytes / 64, 'x')
  const before = process.memoryUsage().arrayBuffers
  for (let index = 0; index < 64 * 64; index++) splitter.feed(chunk)
  const heldBytes = process.memoryUsage().arrayBuffers - before
  expect(splitter.feed(Buffer.from('"},{"eventName":"y"}]}'))).toEqual(['{"eventName":"y"}'])
  expect([splitter.tooLong, splitter.isWhole]).toEqual([1, true])
  expect(heldBytes).toBeLessThan(8 * maxRecordBytes)
})
