import { describe, expect, test } from 'vitest'
import { compareRows } from '../../../../lab/incident/expected-state/rows.ts'
import type { DatabaseState } from '../../../../lab/incident/expected-state/rows.ts'

const expected: DatabaseState = {
  tables: { bookings: { rows: 3, sha256: 'aa' }, payments: { rows: 2, sha256: 'bb' } },
  schemaSha256: 'cc',
  sequences: { bookings_id_seq: '3' },
}
const changed = (change: (expected: DatabaseState) => void) => {
  const actual = structuredClone(expected)
  change(actual)
  return compareRows(expected, actual)
}

describe('comparing a database with its record', () => {
  test('finds no difference in the same rows', () => expect(changed(() => undefined)).toEqual([]))
  test('names a table that is missing', () =>
    expect(changed(({ tables }) => delete tables.payments)).toEqual(['table payments is missing']))
  test('names a table that came from nowhere', () =>
    expect(changed(({ tables }) => (tables.backdoor = { rows: 0, sha256: 'dd' }))).toEqual([
      'table backdoor should not be there',
    ]))
  test('counts rows', () =>
    expect(changed(({ tables }) => (tables.bookings!.rows = 2))).toEqual([
      'table bookings has 2 rows instead of 3',
    ]))
  test('sees another value in as many rows', () =>
    expect(changed(({ tables }) => (tables.bookings!.sha256 = 'ab'))).toEqual([
      'table bookings holds other rows',
    ]))
  test('sees another schema', () =>
    expect(changed((actual) => (actual.schemaSha256 = 'cd'))).toEqual([
      'columns, constraints or indexes differ',
    ]))
  test('sees a sequence that would hand out an id again', () =>
    expect(changed(({ sequences }) => (sequences.bookings_id_seq = '2'))).toEqual([
      'sequence bookings_id_seq stands at 2 instead of 3',
    ]))
})
