import { expect, test } from 'vitest'
import { ulid } from 'ulid'
import { acknowledgementKey, writeAcknowledgement } from '../../../checks/alarms/acknowledgement.ts'
import { alarmPath } from '../../../checks/checks/alarm-path.ts'
import { tamper } from '../../../checks/checks/tamper.ts'
import { CheckedSource, hourMs } from './source-checks.ts'

const objective = { maxAcknowledgementAgeMs: 26 * hourMs }
const alarm = '6a7e8feb-b491-4cf7-a9f1-bf3703467718'

async function watched(): Promise<CheckedSource> {
  const source = new CheckedSource()
  source.checks = [alarmPath, tamper]
  await source.nights(1)
  return source
}

async function acknowledge(source: CheckedSource): Promise<void> {
  await writeAcknowledgement(source.memory, ulid(source.memory.nowMs), { alarm, person: 'ann' })
}

test('a test alarm that no person acknowledged is red, and an acknowledged one ends it until the objective', async () => {
  const source = await watched()
  const night = await source.run(objective)
  expect(night.red).toEqual({ 'alarm-path': 'failed' })
  expect(night.findings('alarm-path')).toEqual([
    'test alarm: no test alarm was ever acknowledged; the objective is 1 d 2 h',
  ])
  await acknowledge(source)
  expect((await source.run(objective)).red).toEqual({})
  source.pass(26 * hourMs + 1000)
  expect((await source.run(objective)).red).toEqual({ 'alarm-path': 'failed' })
})

test.each([
  ['rubbish', acknowledgementKey(ulid()), 'x'],
  ['a record of another version', acknowledgementKey(ulid()), '{"kind":"acknowledgement","formatVersion":2}'],
  ['a record without an alarm', acknowledgementKey(ulid()), '{"kind":"acknowledgement","formatVersion":1}'],
  [
    'another name',
    'acknowledgements/x.json',
    `{"kind":"acknowledgement","formatVersion":1,"alarm":"${alarm}"}`,
  ],
])('%s acknowledges nothing, and hides no older record', async (_, key, text) => {
  const source = await watched()
  source.memory.add(key, Buffer.from(text))
  expect((await source.run(objective)).red).toEqual({ 'alarm-path': 'failed' })
  await acknowledge(source)
  source.pass(hourMs)
  source.memory.add(`${key.slice(0, -5)}A.json`, Buffer.from(text))
  expect((await source.run(objective)).red).toEqual({})
})

test('without an objective the check does not run', async () => {
  const source = await watched()
  expect((await source.run()).source.outcomes.map(({ check }) => check)).toEqual(['tamper'])
})
