import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { costPage } from '../../../../lab/bench/cost/page.ts'

test("docs/cost.md follows from the product's constants: `npm run bench -- --cost` rewrites it", () => {
  expect(readFileSync(new URL('../../../../docs/cost.md', import.meta.url), 'utf8')).toBe(costPage())
})
