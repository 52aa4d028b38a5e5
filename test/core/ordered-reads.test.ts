import { expect, test } from 'vitest'
import { actAtOnce } from '../../core/ordered-reads.ts'

test('a slow call holds up no other one, and the width is kept', async () => {
  const ended: number[] = []
  const slow = Promise.withResolvers<void>()
  let [underWay, maxUnderWay] = [0, 0]
  await actAtOnce([0, 1, 2, 3, 4, 5], 2, async (item) => {
    maxUnderWay = Math.max(maxUnderWay, ++underWay)
    if (item === 5) slow.resolve()
    await (item === 0 ? slow.promise : Promise.resolve())
    underWay--
    ended.push(item)
  })
  expect(ended.toSorted()).toEqual([0, 1, 2, 3, 4, 5])
  expect(maxUnderWay).toBe(2)
})

test('after a failed call no further item begins, and those under way are awaited', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const acting = actAtOnce([0, 1, 2, 3], 2, async (item) => {
    begun.push(item)
    await new Promise((resolve) => setImmediate(resolve))
    if (item === 0) throw new Error('denied')
    await new Promise((resolve) => setImmediate(resolve))
    ended.push(item)
  })
  await expect(acting).rejects.toThrow('denied')
  expect(begun).toEqual([0, 1])
  expect(ended).toEqual([1])
})
