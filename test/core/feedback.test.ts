import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../core/errors.ts'
import { encodeFeedback, feedbackKey, parseFeedback, readFeedback } from '../../core/feedback.ts'
import { maxFeedbackBytes, maxFeedbackPacks } from '../../core/limits.ts'
import { packKey } from '../../core/store/vault-keys.ts'
import { feedbackPrefix } from '../../guardrails/names.ts'
import { handmadeGeneration } from '../fixtures/handmade-vault.ts'
import { MemoryFeedback } from '../fixtures/notarized-source.ts'
import { propertyRuns } from '../fixtures/property-runs.ts'
import { refusalOf } from '../fixtures/refusal.ts'

const ids = ['01KN35E000B6GR48QH7ECGPZ10', '01KN35E000KHX2RH9446W7Z9H9'] as const
const pack = packKey('files', handmadeGeneration, ids[0], 'ab'.repeat(32))
const foreignPack = packKey('other', handmadeGeneration, ids[0], 'ab'.repeat(32))

async function put(bucket: MemoryFeedback, id: string, value: unknown): Promise<void> {
  await bucket.put(feedbackKey('files', id), Buffer.from(JSON.stringify(value)))
}

describe('feedback', () => {
  test('is read as it was written, from where policies allow it', async () => {
    const bucket = new MemoryFeedback()
    await bucket.put(feedbackKey('files', ids[0]), encodeFeedback('files', ids[0], [pack]))
    expect(feedbackKey('files', '')).toBe(feedbackPrefix('files'))
    expect(await readFeedback(bucket, 'files')).toEqual({ packs: [pack], note: null })
    expect(await readFeedback(bucket, 'file')).toEqual({ packs: [], note: null })
  })

  test('that can not be trusted is ignored, and reported', async () => {
    const bucket = new MemoryFeedback()
    const valid = { kind: 'feedback', formatVersion: 1, source: 'files', id: ids[0], packs: [pack] }
    for (const changed of [
      { ...valid, packs: [foreignPack] },
      { ...valid, packs: ['../../etc/passwd'] },
      { ...valid, source: 'other' },
      { ...valid, id: ids[1] },
      { ...valid, formatVersion: 2 },
      { ...valid, packs: [] },
      { ...valid, packs: Array<string>(maxFeedbackPacks + 1).fill(pack) },
      { ...valid, reuse: [pack] },
      ['feedback'],
      null,
    ]) {
      await put(bucket, ids[0], changed)
      const { packs, note } = await readFeedback(bucket, 'files')
      expect(packs).toEqual([])
      expect(note).toContain('feedback is ignored')
    }
  })

  test('that is too large is not read, and hides no other', async () => {
    const bucket = new MemoryFeedback()
    await bucket.put(feedbackKey('files', ids[1]), Buffer.alloc(maxFeedbackBytes + 1))
    await bucket.put(feedbackKey('files', ids[0]), encodeFeedback('files', ids[0], [pack]))
    expect(await readFeedback(bucket, 'files')).toMatchObject({
      packs: [pack],
      note: expect.stringContaining('too large') as string,
    })
  })

  test('beyond the newest few is not read', async () => {
    const bucket = new MemoryFeedback()
    let reads = 0
    for (let index = 0; index < 100; index++) {
      const id = ids[0].slice(0, -2) + String(index).padStart(2, '0')
      await bucket.put(feedbackKey('files', id), encodeFeedback('files', id, [pack]))
    }
    const counting = { ...bucket, name: '', put: bucket.put.bind(bucket), list: bucket.list.bind(bucket) }
    const read = (key: string, maxBytes: number) => {
      reads++
      return bucket.read(key, maxBytes)
    }
    await readFeedback({ ...counting, read }, 'files')
    expect(reads).toBe(16)
  })

  test('that a bucket denies is a note, because a backup runs without it', async () => {
    const bucket = new MemoryFeedback()
    bucket.list = () => Promise.reject(new HoldfastError('denied', 'this role may not list'))
    expect(await readFeedback(bucket, 'files')).toEqual({ packs: [], note: 'this role may not list' })
  })

  test('of any bytes is refused, and never a defect', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refusalOf(() => parseFeedback(bytes, 'files', ids[0]))?.code).toBe('damaged')
      }),
      { numRuns: propertyRuns },
    )
  })
})
