import { expect, test } from 'vitest'
import { timeText } from '../../../core/time-text.ts'
import { countOf, durationText, rows } from '../../../restore-cli/render/figures.ts'

test.each([
  [-5, '0.0 s'],
  [0, '0.0 s'],
  [449, '0.4 s'],
  [9_999, '10.0 s'],
  [10_000, '10 s'],
  [60_000, '1 min'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [7_384_000, '2 h 3 min'],
  [90_000_000, '1 d 1 h'],
  [86_400_000 * 40, '40 d'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test('a time is shown in the form that --point-in-time takes', () => {
  expect([timeText(0), timeText(1500)]).toEqual(['1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z'])
})

test('counts agree with their nouns', () => {
  expect([countOf(1, 'file'), countOf(3210, 'file'), countOf(0, 'entry', 'entries')]).toEqual([
    '1 file',
    '3,210 files',
    '0 entries',
  ])
})

test('labels stand in a column', () => {
  expect(
    rows([
      ['a', '1'],
      ['long', '2'],
    ]),
  ).toBe('  a     1\n  long  2\n')
})
