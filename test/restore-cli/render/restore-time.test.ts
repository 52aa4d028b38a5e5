import { expect, test } from 'vitest'
import { estimateText, slowEstimateMs, timeLeftMs } from '../../../restore-cli/render/restore-time.ts'

test('a plan estimates a fast and a slow way to the store', () => {
  expect(estimateText(90_000_000_000)).toBe('about 15 min at 100 MB/s, 1 h at 25 MB/s')
  expect(estimateText(707)).toBe('less than 10 s at 25 MB/s')
  expect(slowEstimateMs(90_000_000_000)).toBe(3_600_000)
})

test('the time that is left follows the rate so far, and is unknown at the beginning', () => {
  expect(timeLeftMs({ bytesDone: 10, bytesLeft: 30, elapsedMs: 10_000 })).toBe(30_000)
  expect(timeLeftMs({ bytesDone: 10, bytesLeft: -1, elapsedMs: 10_000 })).toBe(0)
  expect(timeLeftMs({ bytesDone: 10, bytesLeft: 30, elapsedMs: 4_000 })).toBeNull()
  expect(timeLeftMs({ bytesDone: 0, bytesLeft: 30, elapsedMs: 60_000 })).toBeNull()
})
