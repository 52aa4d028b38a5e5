import { expect, test } from 'vitest'
import { ContentSample } from '../../../checks/behaviour/content-sample.ts'
import { sha256 } from '../../../core/digest.ts'

function digestsOf(count: number, prefix: Buffer = Buffer.alloc(0)): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const digest = sha256(Buffer.from(`chunk ${index}`))
    prefix.copy(digest)
    return digest
  })
}

function addAll(sample: ContentSample, digests: readonly Buffer[], day: number): number {
  return digests.reduce((sum, digest) => sum + sample.add(digest, 0, day), 0)
}

test('content is new once', () => {
  const sample = new ContentSample()
  const digests = digestsOf(100)
  expect(sample.isEmpty).toBe(true)
  expect(addAll(sample, digests.slice(0, 60), 1)).toBe(60)
  expect(addAll(sample, digests, 2)).toBe(40)
  expect(sample.isEmpty).toBe(false)
})

test('content that was not uploaded for long is forgotten, and content that was uploaded again is not', () => {
  const sample = new ContentSample()
  const digests = digestsOf(100)
  addAll(sample, digests, 1)
  addAll(sample, digests.slice(0, 30), 5)
  sample.forget(5)
  expect(addAll(sample, digests, 6)).toBe(70)
})

// A writer that knew the rule could choose content whose digests begin alike, and would be unseen or counted double.
test.each([
  ['content', Buffer.alloc(0)],
  ['content whose digests begin alike', Buffer.from('000000', 'hex')],
])('of much %s a bounded part is kept, and it stands for all', (_, prefix) => {
  const sample = new ContentSample(Buffer.from('0123456789abcdef', 'hex'))
  const digests = digestsOf(100_000, prefix)
  addAll(sample, digests.slice(0, 80_000), 1)
  const entries = [...sample.entries(1000)]
  expect(entries.reduce((sum, { digests: text }) => sum + text.length / 16, 0)).toBeLessThanOrEqual(65_536)
  expect(sample.sampledBits).toBe(1)
  const estimate = addAll(sample, digests, 2)
  expect(estimate).toBeGreaterThan(19_000)
  expect(estimate).toBeLessThan(21_000)
})

test('what its entries hold is restored', () => {
  const sample = new ContentSample()
  const digests = digestsOf(2500)
  addAll(sample, digests, 1)
  addAll(sample, digests.slice(0, 100), 3)
  const restored = new ContentSample(sample.secret, sample.sampledBits)
  for (const entry of sample.entries(1000)) restored.restore(entry)
  expect(restored).toEqual(sample)
  expect(addAll(restored, digests, 4)).toBe(0)
})
