import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { assertNotInFuture, parsePointInTime } from '../../../core/snapshot/point-in-time.ts'

describe('a point in time', () => {
  test.each([
    ['2026-04-24T10:15:00Z', '2026-04-24T10:15:00.000Z'],
    ['2026-04-24T12:15:00+02:00', '2026-04-24T10:15:00.000Z'],
    ['2026-04-24T12:15+02:00[Europe/Berlin]', '2026-04-24T10:15:00.000Z'],
    ['2026-04-24 10:15:00.123456789Z', '2026-04-24T10:15:00.123Z'],
    ['20260424T101500Z', '2026-04-24T10:15:00.000Z'],
    ['2026-01-24T12:15:00+01:00[Europe/Berlin]', '2026-01-24T11:15:00.000Z'],
    ['2026-04-24T12:15:00[Europe/Berlin]', '2026-04-24T10:15:00.000Z'],
    ['2026-04-24T12:15:00 Europe/Berlin', '2026-04-24T10:15:00.000Z'],
    ['2026-04-24 12:15:00 America/Argentina/Buenos_Aires', '2026-04-24T15:15:00.000Z'],
    ['2026-04-24 10:15:00 UTC', '2026-04-24T10:15:00.000Z'],
    ['2026-10-25T02:30:00+01:00[Europe/Berlin]', '2026-10-25T01:30:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(new Date(parsePointInTime(text)).toISOString()).toBe(expected)
  })

  test.each(['2026-04-24T10:15:00', '2026-04-24 10:15', '2026-04-24', '20260424T1015'])(
    '%s has no zone, and is refused with two ways to add it',
    (text) => {
      expect(() => parsePointInTime(text)).toThrow('no time zone')
      const error = catchError(() => parsePointInTime(text))
      expect(error).toMatchObject({
        code: 'invalid-input',
        hint: expect.stringMatching(/2026-04-24T\d\d:\d\d:00Z is UTC/) as string,
      })
    },
  )

  test.each([
    '',
    'now',
    'yesterday',
    '2026-04-31T10:00:00Z',
    '2026-04-24T25:00:00Z',
    '1777025700',
    '2026-04-24T10:15:00ZZ',
    '24.04.2026 10:15Z',
  ])('%j is refused', (text) => {
    expect(() => parsePointInTime(text)).toThrow('not a time in ISO 8601')
  })

  test.each([
    [
      '2026-04-24T12:15:00+01:00[Europe/Berlin]',
      'has another offset than its zone has at that time (+02:00)',
    ],
    ['2026-10-25T02:30:00[Europe/Berlin]', 'it comes twice, or never'],
    ['2026-03-29T02:30:00 Europe/Berlin', 'it comes twice, or never'],
    ['2026-04-24T12:15:00 CET', 'the short name of a zone'],
    ['2026-04-24T12:15:00[Europe/Nowhere]', 'with the name of a zone'],
    ['tomorrow[Europe/Berlin]', 'with the name of a zone'],
  ])('%s is refused with the right reason', (text, reason) => {
    expect(catchError(() => parsePointInTime(text))).toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining(reason) as string,
    })
  })

  test('with any text is read or is a HoldfastError', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (text) => {
        try {
          expect(Number.isFinite(parsePointInTime(text))).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(HoldfastError)
        }
      }),
    )
  })

  test('in ISO 8601 is read as the same time', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }), (date) => {
        expect(parsePointInTime(date.toISOString())).toBe(date.getTime())
      }),
    )
  })

  test("is in the future by the store's clock, which has whole seconds", () => {
    expect(() => assertNotInFuture(1_000_999, 1_000_000)).not.toThrow()
    expect(() => assertNotInFuture(1_001_000, 1_000_000)).toThrow('1970-01-01T00:16:40Z')
  })
})

function catchError(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
