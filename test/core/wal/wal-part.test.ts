import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256, sha256Hex } from '../../../core/digest.ts'
import { isHoldfastError } from '../../../core/errors.ts'
import { maxWalPartBytes, maxWalPartObjectBytes } from '../../../core/limits.ts'
import { decodeWalPart, decodeWalPartHead, encodeWalPart } from '../../../core/wal/wal-part.ts'
import type { WalPartFacts } from '../../../core/wal/wal-part.ts'
import { walHeadBytes } from '../../../core/wal/wal-object.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'

const bytes = randomBytes(3000, 7)
const name = {
  source: 'rental-db',
  systemId: '7512345678901234567',
  timeline: 1,
  start: 0x300_0000n,
  end: 0x300_0000n + 3000n,
  id: '01KN35E000B6GR48QH7ECGPZ10',
}
const facts: WalPartFacts = {
  segmentBytes: 2 ** 24,
  postgresMajor: 15,
  lastCommit: { lsn: 0x300_0100n, timeUs: 846_000_000_123_456n },
  lastAbort: null,
  isExamined: true,
  idleAtUs: null,
}
const headerAt = 13 + 2 + 4 + 32

/** The same object with a header that a hostile writer changed, and whose hash is right. */
function withHeader(object: Buffer, change: (json: string) => string): Buffer {
  const length = object.readUInt32LE(15)
  const json = Buffer.from(change(object.toString('utf8', headerAt, headerAt + length)))
  const lengthField = Buffer.alloc(4)
  lengthField.writeUInt32LE(json.length)
  const body = object.subarray(headerAt + length)
  return Buffer.concat([object.subarray(0, 15), lengthField, sha256(json), json, body])
}

async function refusal(object: Uint8Array, expected = name): Promise<string> {
  try {
    await decodeWalPart(object, expected)
  } catch (error) {
    if (isHoldfastError(error, 'damaged', 'unsupported-format')) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('it was read')
}

describe('a WAL part', () => {
  test('says what it was made of, and its head says the same', async () => {
    const object = await encodeWalPart(name, facts, bytes)
    const part = { ...name, ...facts, sha256: sha256Hex(bytes) }
    expect(await decodeWalPart(object, name)).toEqual({ part, bytes })
    expect(decodeWalPartHead(object.subarray(0, walHeadBytes), name)).toEqual(part)
  })

  test('without bytes says that the server was idle', async () => {
    const idle = { ...name, end: name.start }
    const idleFacts = { ...facts, lastCommit: null, idleAtUs: 846_000_000_000_000n }
    const object = await encodeWalPart(idle, idleFacts, Buffer.alloc(0))
    const { part, bytes: none } = await decodeWalPart(object, idle)
    expect([part.idleAtUs, none.length]).toEqual([846_000_000_000_000n, 0])
    expect(await refusal(Buffer.concat([object, Buffer.of(0)]), idle)).toContain('bytes follow its header')
  })

  test('takes as many bytes as a reader does, and shrinks as far as they do', async () => {
    const full = { ...name, end: name.start + BigInt(maxWalPartBytes) }
    const incompressible = randomBytes(maxWalPartBytes, 3)
    const object = await encodeWalPart(full, facts, incompressible)
    expect(object.length).toBeLessThan(maxWalPartObjectBytes)
    expect((await decodeWalPart(object, full)).bytes.equals(incompressible)).toBe(true)
    const zeros = await encodeWalPart(full, facts, Buffer.alloc(maxWalPartBytes))
    expect(zeros.length).toBeLessThan(4096)
  })

  test.each([
    [
      'more bytes than a part has',
      { ...name, start: 0n, end: 2n ** 25n },
      { ...facts, segmentBytes: 2 ** 30 },
    ],
    ['the border of a segment in it', { ...name, start: 0x2ff_fff0n, end: 0x2ff_fff0n + 3000n }, facts],
    ['another length than its range', { ...name, end: name.end + 1n }, facts],
    ['a size of a segment that PostgreSQL has not', name, { ...facts, segmentBytes: 3_000_000 }],
    ['a version that has no WAL parts', name, { ...facts, postgresMajor: 9 }],
  ])('with %s is not written', async (_, refusedName, refusedFacts) => {
    await expect(encodeWalPart(refusedName, refusedFacts, bytes)).rejects.toSatisfy((error) =>
      isHoldfastError(error, 'internal'),
    )
  })

  test('under another key is refused', async () => {
    const object = await encodeWalPart(name, facts, bytes)
    for (const anotherName of [
      { ...name, source: 'other' },
      { ...name, systemId: '7512345678901234568' },
      { ...name, timeline: 2 },
      { ...name, start: name.start - 1n },
      { ...name, end: name.end + 1n },
      { ...name, id: '01KN35E000B6GR48QH7ECGPZ11' },
    ])
      expect(await refusal(object, anotherName)).toContain('claims to be another part')
  })

  test.each([
    ['an unknown field', (json: string) => json.replace('{', '{"x":1,')],
    ['a field twice', (json: string) => json.replace('{', '{"timeline":1,')],
    ['a space', (json: string) => json.replace(':', ': ')],
    ['fields in another order', (json: string) => json.replace(/("kind":"wal"),(.*)}$/, '$2,$1}')],
    ['a time that is no number', (json: string) => json.replace('846000000123456', '1e9')],
    ['no JSON', () => '{'],
    ['a hash of other bytes', (json: string) => json.replace(sha256Hex(bytes), 'ab'.repeat(32))],
    ['a position of a smaller segment', (json: string) => json.replace('16777216', '1024')],
  ])('whose header has %s is refused', async (_, change) => {
    const object = await encodeWalPart(name, facts, bytes)
    expect(await refusal(withHeader(object, change))).toMatch(/^damaged: /)
  })

  test('that decodes to more than its range is not decoded', async () => {
    const object = await encodeWalPart(name, facts, bytes)
    const length = object.readUInt32LE(15)
    const bomb = zstdCompressSync(Buffer.alloc(2 ** 26))
    expect(await refusal(Buffer.concat([object.subarray(0, headerAt + length), bomb]))).toContain(
      "it doesn't decode",
    )
    const short = zstdCompressSync(bytes.subarray(1))
    expect(await refusal(Buffer.concat([object.subarray(0, headerAt + length), short]))).toContain(
      'it decodes to 2999 bytes',
    )
    expect(await refusal(Buffer.alloc(maxWalPartObjectBytes + 1))).toContain('it has 17825793 bytes')
  })

  test('of a later version is refused as that', async () => {
    const object = await encodeWalPart(name, facts, bytes)
    object.writeUInt16LE(2, 13)
    expect(await refusal(object)).toMatch(/^unsupported-format: /)
  })

  test('cut anywhere, or with one other byte, never gives other bytes', async () => {
    const object = await encodeWalPart(name, facts, bytes)
    await fc.assert(
      fc.asyncProperty(fc.nat(object.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        expect(await refusal(object.subarray(0, at))).toMatch(/^damaged: /)
        const changed = Buffer.from(object)
        changed[at]! ^= flip
        try {
          expect((await decodeWalPart(changed, name)).bytes.equals(bytes)).toBe(true)
        } catch (error) {
          expect(isHoldfastError(error, 'damaged', 'unsupported-format'), String(error)).toBe(true)
        }
      }),
      { numRuns: Math.min(propertyRuns, 1000) },
    )
  })
})
