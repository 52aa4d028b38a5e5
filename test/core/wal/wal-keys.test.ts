import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import { lsnText, parseLsn, parseSegmentName, segmentName, segmentStart } from '../../../core/wal/lsn.ts'
import { parseWalHistoryKey, parseWalPartKey, walHistoryKey, walPartKey } from '../../../core/wal/wal-keys.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const id = '01KN35E000B6GR48QH7ECGPZ10'
const line = { source: 'rental-db', systemId: '7512345678901234567', timeline: 0x1a }
const key =
  'sources/rental-db/wal/7512345678901234567/0000001A/000000010A000000-000000010A000100-01KN35E000B6GR48QH7ECGPZ10'

describe('keys', () => {
  test('say what they were made of', () => {
    const name = { ...line, start: 0x1_0a00_0000n, end: 0x1_0a00_0100n, id }
    expect(walPartKey(name)).toBe(key)
    expect(parseWalPartKey(key)).toEqual(name)
    expect(parseWalHistoryKey(walHistoryKey({ ...line, id }))).toEqual({ ...line, id })
    expect(parseWalHistoryKey(key)).toBeNull()
    expect(parseWalPartKey(walHistoryKey({ ...line, id }))).toBeNull()
  })

  test.each([
    ['lower-case digits', key.replace('000000010A000000', '000000010a000000')],
    ['an end before the start', key.replace('0A000100', '09000000')],
    ['timeline 0', key.replace('0000001A', '00000000')],
    ['a system identifier of more than 64 bits', key.replace('7512345678901234567', '18446744073709551616')],
    ['a leading zero', key.replace('/7512345678901234567/', '/07512345678901234567/')],
    ['a foreign ULID', key.replace('01KN35E', '91KN35E')],
    ['a further folder', `${key}/x`],
    ['another folder', key.replace('/wal/', '/packs/')],
    ['a source that is none', key.replace('rental-db', 'Rental')],
    ['a line break', `${key}\n`],
  ])('with %s are none', (_, text) => {
    expect(parseWalPartKey(text)).toBeNull()
  })

  test('with one other character are none, or other keys', () => {
    fc.assert(
      fc.property(fc.nat(key.length - 1), anyCharacter, (at, character) => {
        const text = key.slice(0, at) + character + key.slice(at + 1)
        const name = parseWalPartKey(text)
        if (name !== null) expect(walPartKey(name)).toBe(text)
      }),
      { numRuns: propertyRuns },
    )
  })
})

describe('positions', () => {
  test.each([
    ['0/0', 0n],
    ['1A/3000060', 0x1a_0300_0060n],
    ['FFFFFFFF/FFFFFFFF', 2n ** 64n - 1n],
  ])('%s is what PostgreSQL prints', (text, lsn) => {
    expect(parseLsn(text)).toBe(lsn)
    expect(lsnText(lsn)).toBe(text)
  })

  test.each(['', '0', '0/', '/0', '0/123456789', '0/G', '0/1 ', '-1/0'])('%j is none', (text) => {
    expect(() => parseLsn(text)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
  })

  test.each([
    [1, 0x3000000n, 2 ** 24, '000000010000000000000003'],
    [0x2b, 0x1_ff00_0000n, 2 ** 24, '0000002B00000001000000FF'],
    [1, 0x1_c000_0000n, 2 ** 30, '000000010000000100000003'],
    [1, 0x1_0010_0000n, 2 ** 20, '000000010000000100000001'],
  ])('on timeline %i, %i in segments of %i bytes is in %s', (timeline, start, segmentBytes, name) => {
    expect(segmentName(timeline, start + 5n, segmentBytes)).toBe(name)
    expect(segmentStart(start + 5n, segmentBytes)).toBe(start)
    expect(parseSegmentName(name, segmentBytes)).toEqual({ timeline, start })
  })

  test.each([
    '00000001000000000000010A',
    '000000010000000000000003.partial',
    '000000000000000000000003',
    '..',
  ])('%s is no segment of 16 MiB', (name) => {
    expect(parseSegmentName(name, 2 ** 24)).toBeNull()
  })

  test('an error of a position is one that scripts know', () => {
    let thrown: unknown
    try {
      parseLsn('x'.repeat(1000))
    } catch (error) {
      thrown = error
    }
    expect(isHoldfastError(thrown, 'invalid-input')).toBe(true)
    expect((thrown as Error).message.length).toBeLessThan(120)
  })
})
