import { expect, test } from 'vitest'
import { describeBase } from '../../../engine/postgres/base-description.ts'

const label = (from: string): string =>
  `START WAL LOCATION: 0/2000028 (file 000000030000000000000002)\nCHECKPOINT LOCATION: 0/2000060\nBACKUP METHOD: streamed\nBACKUP FROM: ${from}\nSTART TIME: 2026-04-24 10:00:00 UTC\nLABEL: holdfast db\nSTART TIMELINE: 3\n`
const end = { timeline: 3, lsn: 0x2_000_100n, time: '1777024800000000' }
const server = { systemId: '7', serverVersion: 180_004, segmentBytes: 16_777_216, tablespaces: [] }

test('a base has the start of its label and the end that the server reports', () => {
  expect(describeBase(label('primary'), end, server)).toEqual({
    ...server,
    timeline: 3,
    startLsn: '0000000002000028',
    stopLsn: '0000000002000100',
    stopTime: end.time,
    backupLabel: label('primary'),
    minRecoveryLsn: null,
  })
})

test('a base of a standby has to be replayed up to its end', () => {
  expect(describeBase(label('standby'), end, server).minRecoveryLsn).toBe('0000000002000100')
})

test('a base of two timelines is refused', () => {
  expect(() => describeBase(label('standby'), { ...end, timeline: 4 }, server)).toThrow(
    'the server changed from timeline 3 to 4',
  )
})

test.each([null, '', 'START TIMELINE: 3\n', `${label('primary')}START TIMELINE: 4\n`])(
  'a label of an unknown form is refused: %j',
  (text) => {
    expect(() => describeBase(text, end, server)).toThrow('unknown form')
  },
)
