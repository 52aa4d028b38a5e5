import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maxChunksPerPack, maxFrameRawBytes, maxPackBytes } from '../../../core/limits.ts'
import {
  choosePackBytes,
  largePackTargetBytes,
  largeSourceBytes,
  maxPackBufferBytes,
  packBufferBytes,
  packTargetBytes,
} from '../../../core/pack/pack-size.ts'

const mib = 1024 * 1024

test('packs aim at 16 MiB up to a TiB, and at 64 MiB beyond it', () => {
  expect(choosePackBytes(0, 4)).toBe(16 * mib)
  expect(choosePackBytes(2 ** 40, 4)).toBe(16 * mib)
  expect(choosePackBytes(2 ** 40 + 1, 4)).toBe(64 * mib)
})

test('with many packs at once each aims at less, so that they never take more than 512 MiB together', () => {
  expect(choosePackBytes(2 ** 41, 7)).toBe(64 * mib)
  expect(choosePackBytes(2 ** 41, 8)).toBe(32 * mib)
  expect(choosePackBytes(2 ** 41, 10)).toBe(32 * mib)
  fc.assert(
    fc.property(fc.nat(2 ** 42), fc.integer({ min: 1, max: 20 }), (storedBytes, packsAtOnce) => {
      const chosen = choosePackBytes(storedBytes, packsAtOnce)
      expect(
        chosen === packTargetBytes ||
          (storedBytes > largeSourceBytes && packsAtOnce * packBufferBytes(chosen) <= maxPackBufferBytes),
      ).toBe(true)
    }),
  )
})

test('the largest pack that a backup makes is one that every reader takes', () => {
  expect(packBufferBytes(largePackTargetBytes)).toBeGreaterThan(
    largePackTargetBytes + maxFrameRawBytes + maxChunksPerPack * (13 + 4 + 32),
  )
  expect(packBufferBytes(largePackTargetBytes)).toBeLessThan(maxPackBytes)
})
