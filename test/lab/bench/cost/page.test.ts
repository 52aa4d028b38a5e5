import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { costPage } from '../../../../lab/bench/cost/page.ts'

test("docs/cost.md is what the product's constants make of it: `npm run bench -- --cost` writes it anew", () => {
  expect(readFileSync(new URL('../../../../docs/cost.md', import.meta.url), 'utf8')).toBe(costPage())
})
