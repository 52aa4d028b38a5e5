import { describe, expect, test } from 'vitest'
import published from '../../../blast-radius/search/rules/published-rules.json' with { type: 'json' }
import { importRules } from '../../../lab/rule-import/published-rules.ts'

const rule = {
  id: 'shop-api-key.1',
  regex: 'shop_[a-z0-9]{20}',
  keywords: ['SHOP_'],
  confidence: 'high',
  filter: 'entropy(finding["secret"]) <= 3.5 || tokenRatio(finding["secret"]) >= 2.5\n',
}

describe('an imported rule', () => {
  test('has its expression, keywords in lower case, and entropy', () => {
    expect(importRules([rule]).rules).toEqual([
      {
        id: 'shop-api-key',
        source: 'shop_[a-z0-9]{20}',
        flags: 'g',
        keywords: ['shop_'],
        minEntropy: 3.5,
        isByName: true,
      },
    ])
  })

  test.each([
    [{ skipReport: true }, 'no secret by itself'],
    [{ keywords: [] }, 'no expression or no keyword'],
    [{ id: 'generic-api-key' }, 'replaced'],
    [{ id: 'shop-publishable-key' }, 'public'],
    [{ confidence: 'low' }, 'low confidence'],
  ])('with %j is left out: %s', (change, reason) => {
    const changed = { ...rule, ...change }
    expect(importRules([changed])).toEqual({ rules: [], leftOut: [`${changed.id}: ${reason}`] })
  })
})

describe('the imported rules', () => {
  test('are many, of one revision, and carry their licence', () => {
    expect(published.rules.length).toBeGreaterThan(350)
    expect(published.origin.revision).toMatch(/^[0-9a-f]{40}$/)
    expect(published.origin.licence).toContain('Permission is hereby granted')
  })

  test('compile, and have keywords in lower case', () => {
    for (const { source, flags, keywords } of published.rules) {
      expect(() => new RegExp(source, flags)).not.toThrow()
      expect(keywords.filter((keyword) => keyword === '' || keyword !== keyword.toLowerCase())).toEqual([])
      expect(keywords).not.toEqual([])
    }
  })
})
