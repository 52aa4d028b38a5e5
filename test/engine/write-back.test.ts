import { expect, test } from 'vitest'
import { WriteBack } from '../../engine/write-back.ts'

const gib = 1024 ** 3

test('a flush begins after each GiB, and never a second one beside it', async () => {
  const flushes: (() => void)[] = []
  const writeBack = new WriteBack(() => new Promise((resolve) => flushes.push(resolve)))
  writeBack.note(gib - 1)
  expect(flushes).toHaveLength(0)
  writeBack.note(gib)
  writeBack.note(3.5 * gib)
  expect(flushes).toHaveLength(1)
  flushes[0]!()
  await writeBack.finish()
  writeBack.note(3.5 * gib)
  writeBack.note(4 * gib)
  expect(flushes).toHaveLength(2)
})

test('what a flush failed with is thrown at the end, though later ones succeed: the system says it once', async () => {
  const failure = new Error('EIO')
  let flushes = 0
  const writeBack = new WriteBack(() => (++flushes === 1 ? Promise.reject(failure) : Promise.resolve()))
  writeBack.note(1.2 * gib)
  await expect(writeBack.finish()).rejects.toBe(failure)
  writeBack.note(2.4 * gib)
  await expect(writeBack.finish()).rejects.toBe(failure)
  expect(flushes).toBe(2)
})
