import { describe, expect, test } from 'vitest'
import { idlePartsPerDay, partsPerDay, segmentsPerDay } from '../../../../lab/bench/cost/wal-cost.ts'

const mib = 2 ** 20
const ofDay = (count: number, seconds: number): number => (count / seconds) * 86_400

describe('requests of a stream', () => {
  test('a server that writes little makes a part for each `--every`', () => {
    // The first byte waits for two seconds, and the next part begins with the next byte.
    const parts = partsPerDay({ bytesPerSecond: 16_384, everyMs: 2000 })
    expect(parts).toBeGreaterThan(ofDay(1, 2.2))
    expect(parts).toBeLessThanOrEqual(ofDay(1, 2))
  })

  test('twice the time halves the parts', () => {
    const [two, four] = [2000, 4000].map((everyMs) => partsPerDay({ bytesPerSecond: 16_384, everyMs }))
    expect(two! / four!).toBeCloseTo(2, 1)
  })

  test('a server that writes much makes about a part for each MiB, and no fewer', () => {
    const parts = partsPerDay({ bytesPerSecond: 32 * mib, everyMs: 2000 })
    expect(parts).toBeGreaterThanOrEqual(ofDay(32, 1) * 0.99)
    expect(parts).toBeLessThan(ofDay(32, 1) * 1.1)
  })

  test('an idle server makes a part for each heartbeat', () => {
    expect(idlePartsPerDay(10_000)).toBe(8640)
  })

  test('`wal-push` uploads each segment, and one for each archive_timeout of a server that writes', () => {
    expect(segmentsPerDay(0, 60)).toBe(0)
    expect(segmentsPerDay(1, 60)).toBe(1440)
    expect(segmentsPerDay(16 * mib, 60)).toBe(86_400)
  })
})
