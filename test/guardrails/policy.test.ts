import { describe, expect, it } from 'vitest'
import { quotaChars, renderPolicy } from '../../guardrails/policy.ts'
import { everyPolicy } from './every-policy.ts'

describe.each(everyPolicy)('the policy of $name', ({ document, quota }) => {
  it("fits AWS's quota", () => {
    expect(renderPolicy(document).length).toBeLessThanOrEqual(quotaChars[quota])
  })

  it('names every statement once, in letters and digits as IAM wants it', () => {
    const sids = document.Statement.map(({ Sid }) => Sid)
    expect(new Set(sids).size).toBe(sids.length)
    for (const sid of sids) expect(sid).toMatch(/^[A-Za-z0-9]+$/)
  })

  it('allows no everything: neither `*` nor a whole service on everything', () => {
    for (const { Effect, Action = [], Sid } of document.Statement) {
      if (Effect === 'Allow')
        expect({ Sid, wide: Action.filter((action) => action === '*' || action === '*:*') }).toEqual({
          Sid,
          wide: [],
        })
    }
  })

  it('says in each statement on what it is, except where the document hangs on a role', () => {
    for (const { Sid, Resource, NotResource } of document.Statement) {
      const count = (Resource === undefined ? 0 : 1) + (NotResource === undefined ? 0 : 1)
      expect({ Sid, count }).toEqual({ Sid, count: quota === 'trustPolicy' ? 0 : 1 })
    }
  })

  it('is what it was when someone last looked', () => {
    expect(document).toMatchSnapshot()
  })
})

describe('the policies of vault and feedback', () => {
  it('deny and do nothing else, to everyone, without an exempted deployer', () => {
    const statements = everyPolicy
      .filter(({ name }) => /^(vault|feedback) bucket/.test(name))
      .flatMap(({ document }) => document.Statement)
    expect(statements.length).toBeGreaterThan(20)
    for (const statement of statements) expect(statement).toMatchObject({ Effect: 'Deny', Principal: '*' })
    expect(JSON.stringify(statements)).not.toMatch(/deploy/i)
  })
})
