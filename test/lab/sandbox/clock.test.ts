import { describe, expect, test } from 'vitest'
import { TurnableClock } from '../../../lab/sandbox/clock.ts'

describe('a clock that can be turned', () => {
  test('follows the wall clock, plus its turns', () => {
    let wallMs = 1000
    const clock = new TurnableClock(() => wallMs)
    clock.turn(500)
    wallMs += 10
    expect(clock.nowMs()).toBe(1510)
    clock.turn(-1000)
    expect(clock.nowMs()).toBe(510)
    expect(() => clock.turn(Number.NaN)).toThrow(RangeError)
  })

  test('wakes only the sleepers whose deadline a turn has reached', async () => {
    const clock = new TurnableClock(() => 0)
    const woken: string[] = []
    const short = clock.sleep(1000).then(() => woken.push('short'))
    const abort = new AbortController()
    const long = clock
      .sleep(60 * 24 * 3_600_000, abort.signal)
      .catch((error: unknown) => woken.push(String(error)))
    clock.turn(999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(woken).toEqual([])
    clock.turn(1)
    await short
    abort.abort(new Error('enough'))
    await long
    expect(woken).toEqual(['short', 'Error: enough'])
    await expect(clock.sleep(5, AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
  })
})
