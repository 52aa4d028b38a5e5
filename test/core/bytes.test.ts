import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader, ByteWriter, release } from '../../core/bytes.ts'
import { propertyRuns } from '../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../fixtures/refusal.ts'

const safe = fc.maxSafeNat()

describe('what is written is read again', () => {
  test('integers of every kind, and bytes, whatever the capacity that the writer began with', () => {
    fc.assert(
      fc.property(
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.nat(0xffff_ffff),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        safe,
        fc.uint8Array(),
        fc.nat(64),
        (...[u8, u16, u32, i64, varint, bytes, capacity]) => {
          const writer = new ByteWriter(capacity)
          writer.u8(u8)
          writer.u16(u16)
          writer.u32(u32)
          writer.i64(i64)
          writer.varint(varint)
          writer.varint(bytes.length)
          writer.bytes(bytes)
          const written = writer.finish()
          expect(writer.length).toBe(0)
          const read = (buffer: Buffer): unknown[] => {
            const reader = new ByteReader(buffer, 'it')
            const values = [
              reader.u8(),
              reader.u16(),
              reader.u32(),
              reader.i64(),
              reader.varint(),
              Buffer.from(reader.take(reader.varint())),
            ]
            reader.expectEnd()
            return values
          }
          expect(read(written)).toEqual([u8, u16, u32, i64, varint, Buffer.from(bytes)])
          expect(acceptedPrefixes(written, read)).toEqual([])
          expect(refusalOf(() => read(Buffer.concat([written, Buffer.alloc(1)])))?.code).toBe('damaged')
        },
      ),
      { numRuns: propertyRuns },
    )
  })

  test('what was finished does not change when the writer goes on', () => {
    const writer = new ByteWriter(4)
    writer.u8(1)
    const first = writer.finish()
    writer.u8(2)
    expect([first, writer.finish()]).toEqual([Buffer.from([1]), Buffer.from([2])])
  })
})

describe("numbers that can't be", () => {
  test('an integer over the limit', () => {
    fc.assert(
      fc.property(safe, safe, (value, max) => {
        const writer = new ByteWriter()
        writer.varint(value)
        const bytes = writer.finish()
        expect(refusalOf(() => new ByteReader(bytes, 'it').varint(max)) === null).toBe(value <= max)
      }),
      { numRuns: propertyRuns },
    )
  })

  test('an integer that no double holds exactly, and one without an end', () => {
    for (const bytes of [
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
      Array.from({ length: 20 }, () => 0xff),
    ]) {
      expect(refusalOf(() => new ByteReader(Buffer.from(bytes), 'it').varint())?.code).toBe('damaged')
    }
    expect(new ByteReader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'it').varint()).toBe(
      Number.MAX_SAFE_INTEGER,
    )
  })

  test("a count of things that the rest of the bytes can't hold is refused before anything loops over it", () => {
    fc.assert(
      fc.property(safe, fc.integer({ min: 1, max: 50 }), fc.nat(200), (count, bytesEach, remainder) => {
        const writer = new ByteWriter()
        writer.varint(count)
        writer.bytes(new Uint8Array(remainder))
        const bytes = writer.finish()
        expect(refusalOf(() => new ByteReader(bytes, 'it').count(bytesEach)) === null).toBe(
          count * bytesEach <= remainder,
        )
      }),
      { numRuns: propertyRuns },
    )
  })
})

describe('memory that is given back', () => {
  test('is empty at once, and so is all that shares it', () => {
    const bytes = Buffer.allocUnsafeSlow(100_000)
    const part = bytes.subarray(10, 20)
    release(part)
    expect([bytes.length, part.length]).toEqual([0, 0])
  })

  test("is never Node's pool, which others share", () => {
    const [first, second] = [Buffer.from('one'), Buffer.from('other')]
    expect(first.buffer).toBe(second.buffer)
    release(first)
    expect([first.toString(), second.toString()]).toEqual(['one', 'other'])
  })
})
