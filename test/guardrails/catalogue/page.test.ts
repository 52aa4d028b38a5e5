import { expect, test } from 'vitest'
import { cataloguePage } from './page.ts'

test('docs/catalogue.md is what the judgements make of it', async () => {
  await expect(cataloguePage()).toMatchFileSnapshot('../../../docs/catalogue.md')
})
