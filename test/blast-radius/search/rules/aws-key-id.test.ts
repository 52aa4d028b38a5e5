import fc from 'fast-check'
import { expect, test } from 'vitest'
import { awsAccountOf } from '../../../../blast-radius/search/rules/aws-key-id.ts'

test.each([
  ['ASIAY34FZKBOKMUTVV7A', '609629065308'],
  ['AKIARZPUZDIKGB2VALC4', '123456789012'],
  ['ASIAQAAAAAAAGMKEM7X5', '000000000000'],
  ['ASIAQNZGKIQY56JQ7WML', '029608264753'],
])('%s belongs to account %s', (id, account) => {
  expect(awsAccountOf(id)).toBe(account)
})

test("a key of the old form doesn't say whose it is", () => {
  expect(awsAccountOf('AKIAIOSFODNN7EXAMPLE')).toBeNull()
  expect(awsAccountOf('AKIA')).toBeNull()
})

test('is twelve digits or nothing, whatever is asked', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string({ unit: fc.constantFrom(...'QRSTUVWXYZ234567'), minLength: 20, maxLength: 20 }),
      ),
      (id) => {
        expect(awsAccountOf(id) ?? '000000000000').toMatch(/^\d{12}$/)
      },
    ),
  )
})
