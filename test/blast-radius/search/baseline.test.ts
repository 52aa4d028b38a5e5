import { describe, expect, test } from 'vitest'
import { baselineSchema, keyIdOf, makeBaseline, newFindings } from '../../../blast-radius/search/baseline.ts'
import type { Finding } from '../../../blast-radius/search/finding.ts'

const directory = '/srv/shop'
const key = 'k'.repeat(32)

function finding(path: string, fields: Partial<Finding> = {}): Finding {
  return {
    kind: 'database',
    location: { type: 'file', path, line: 1 },
    setting: 'password',
    owner: null,
    expiresMs: null,
    fingerprint: null,
    ...fields,
  }
}

function isNew(
  later: readonly Finding[],
  earlier: readonly Finding[],
  keyId: string | null = null,
): Finding[] {
  const baseline = makeBaseline(earlier, directory, keyId)
  return newFindings(later, baselineSchema.parse(JSON.parse(JSON.stringify(baseline))), directory)
}

describe('a baseline', () => {
  test('covers what it was made of, also where lines have moved and the checkout lies elsewhere', () => {
    const earlier = [
      finding('/srv/shop/a.env'),
      finding('/srv/shop/b.env', { location: { type: 'variable', name: 'X' } }),
    ]
    const moved = [
      finding('/srv/shop/a.env', { location: { type: 'file', path: '/srv/shop/a.env', line: 9 } }),
      earlier[1]!,
    ]
    expect(isNew(moved, earlier)).toEqual([])
    const baseline = makeBaseline(earlier, directory, null)
    expect(newFindings([finding('/ci/build/a.env')], baseline, '/ci/build')).toEqual([])
  })

  test.each([
    ['another file', finding('/srv/shop/b.env')],
    ['another kind', finding('/srv/shop/a.env', { kind: 'railway' })],
    ['another setting', finding('/srv/shop/a.env', { setting: 'token' })],
    ['a variable', finding('', { location: { type: 'variable', name: 'a.env' } })],
  ])('does not cover %s', (_difference, later) => {
    expect(isNew([later], [finding('/srv/shop/a.env')])).toEqual([later])
  })

  test('covers as many as it was made of: one more of the same is new', () => {
    const shopFinding = finding('/srv/shop/a.env')
    expect(isNew([shopFinding, shopFinding], [shopFinding])).toHaveLength(1)
    expect(isNew([shopFinding], [shopFinding, shopFinding])).toEqual([])
  })

  test('with a key notices a value that took the place of another', () => {
    const earlier = finding('/srv/shop/a.env', { fingerprint: 'a'.repeat(64) })
    const later = finding('/srv/shop/a.env', { fingerprint: 'b'.repeat(64) })
    expect(isNew([earlier], [earlier], keyIdOf(key))).toEqual([])
    expect(isNew([later], [earlier], keyIdOf(key))).toEqual([later])
  })

  test('without a key holds nothing that was made of a value', () => {
    const text = JSON.stringify(
      makeBaseline([finding('/srv/shop/a.env', { fingerprint: 'a'.repeat(64) })], directory, null),
    )
    expect(text).not.toContain('a'.repeat(64))
    expect(JSON.parse(text)).toEqual({
      formatVersion: 1,
      keyId: null,
      findings: [{ location: 'a.env', kind: 'database', setting: 'password', count: 1 }],
    })
  })

  test('is the same whatever the order of the findings', () => {
    const findings = [finding('/srv/shop/a.env'), finding('/srv/shop/b.env'), finding('/elsewhere/c.env')]
    expect(makeBaseline(findings.toReversed(), directory, null)).toEqual(
      makeBaseline(findings, directory, null),
    )
  })
})
