import { expect, test } from 'vitest'
import { WriteBack } from '../../../engine/restore/write-back.ts'

const mib = 1024 ** 2

test('a flush begins after each 256 MiB, and never a second one beside it', async () => {
  const flushes: (() => void)[] = []
  const writeBack = new WriteBack(() => new Promise((resolve) => flushes.push(resolve)))
  writeBack.recordProgress(256 * mib - 1)
  expect(flushes).toHaveLength(0)
  writeBack.recordProgress(256 * mib)
  writeBack.recordProgress(900 * mib)
  expect(flushes).toHaveLength(1)
  flushes[0]!()
  await writeBack.finish()
  writeBack.recordProgress(900 * mib)
  writeBack.recordProgress(1000 * mib)
  expect(flushes).toHaveLength(2)
})

test('what a flush failed with is thrown at the end, though later ones succeed: the system says it once', async () => {
  const failure = new Error('EIO')
  let flushes = 0
  const writeBack = new WriteBack(() => (++flushes === 1 ? Promise.reject(failure) : Promise.resolve()))
  writeBack.recordProgress(300 * mib)
  await expect(writeBack.finish()).rejects.toBe(failure)
  writeBack.recordProgress(600 * mib)
  await expect(writeBack.finish()).rejects.toBe(failure)
  expect(flushes).toBe(2)
})
