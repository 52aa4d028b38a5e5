import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { patternIncludes } from '../../../guardrails/catalogue/action-pattern.ts'
import {
  findMayProblem,
  identityServices,
  limitAgent,
  servicesOf,
  tierOnePatterns,
} from '../../../guardrails/catalogue/agent-limits.ts'
import { examinedServices } from '../../../guardrails/catalogue/judgements.ts'
import { knownActionsOf, matchActions, tierOf } from '../../../guardrails/catalogue/known-names.ts'

const matches = (patterns: readonly string[], action: string) =>
  patterns.some((pattern) => patternIncludes(pattern, action))
const mayOf = (may: readonly string[]) => {
  const { allowed, denied } = limitAgent(may)
  return (action: string) => matches(allowed, action) && !matches(denied, action)
}

describe('the limits of an agent', () => {
  it.each(examinedServices)('of %s:* leave what is exempt or a read, and nothing else', (service) => {
    const may = mayOf([`${service}:*`])
    const wrong = knownActionsOf(service).filter((action) => may(action) !== (tierOf(action) === null))
    expect(wrong).toEqual([])
  })

  it('give what is named of tier 2, also beside a wildcard that matches it, and nothing of tier 1', () => {
    const actions = ['ec2', 's3', 'logs', 'states'].flatMap(knownActionsOf)
    const entries = fc.constantFrom('ec2:*', 's3:*', 's3:Put*', 'ec2:Describe*', 'logs:*', 'states:S*')
    const namedActions = fc.constantFrom(...actions.filter((action) => tierOf(action) === 2))
    fc.assert(
      fc.property(fc.array(entries), fc.array(namedActions, { maxLength: 5 }), (patterns, named) => {
        const may = mayOf([...patterns, ...named])
        for (const action of actions) {
          const isGiven = named.includes(action) || (tierOf(action) === null && matches(patterns, action))
          expect({ action, may: may(action) }).toEqual({ action, may: isGiven })
        }
      }),
      { numRuns: 30 },
    )
  })

  it('deny what AWS may add to a family of destructive actions', () => {
    const { denied } = limitAgent(['ec2:*', 's3:*', 'rds:*'])
    for (const action of [
      'ec2:DeleteQuantumVolume',
      'ec2:ModifyWarpDrive',
      's3:PutBucketMirage',
      'rds:DeleteDBFoo',
    ])
      expect(matches(denied, action)).toBe(true)
  })

  it('need no deny for what is named alone', () => {
    expect(limitAgent(['s3:PutObject', 's3:GetObject', 'ec2:Describe*'])).toEqual({
      allowed: ['ec2:Describe*', 's3:GetObject', 's3:PutObject'],
      denied: [],
    })
  })
})

describe('what an agent may name', () => {
  it.each([
    'ec2:*',
    'ec2:Describe*',
    'ec2:StopInstances',
    's3:PutObject',
    'rds:Create*',
    'logs:*',
    'lambda:InvokeFunction',
  ])('%s', (entry) => {
    expect(findMayProblem(entry)).toBeNull()
  })

  it.each<readonly [string, string]>([
    ['robomaker:CreateRobot', 'the catalogue has not examined the service robomaker'],
    ['robomaker:*', 'the catalogue has not examined the service robomaker'],
    ['constructor:*', 'the catalogue has not examined the service constructor'],
    ['ec2:DescribeVolmes', 'AWS has no such action'],
    ['ec2:Descrbe*', 'AWS has no such action'],
    ['ec2:DeleteVolume', 'no agent may do it (data: volume): remove it'],
    ['ec2:DeleteVol*', 'no agent may do any of these actions'],
    ['s3:PutObject*', 'grants nothing, because each action that it matches overwrites or executes'],
    ...identityServices.map((service) => [`${service}:*`, 'must not be an action on identities'] as const),
    ['sts:GetCallerIdentity', 'must not be an action on identities'],
    ['cognito-identity:SetIdentityPoolRoles', 'no agent may do it (identity: '],
  ])('not %s', (entry, problem) => {
    expect(findMayProblem(entry)).toContain(problem)
  })

  it('a pattern of tier 2 alone, if what it matches is named as well', () => {
    expect(findMayProblem('s3:PutObject*', ['s3:PutObject*', 's3:PutObject'])).toBeNull()
  })
})

describe('the patterns of tier 1', () => {
  it('match the actions of tier 1 of the services and no other known one', () => {
    const services = servicesOf(['s3:*', 'EC2:Describe*', 'ec2:RunInstances', 'kms:Encrypt'])
    expect(services).toEqual(['ec2', 'kms', 's3'])
    const patterns = tierOnePatterns(services)
    const wrong = services
      .flatMap(knownActionsOf)
      .filter((action) => matches(patterns, action) !== (tierOf(action) === 1))
    expect(wrong).toEqual([])
    expect(matches(patterns, 'ec2:RunInstances')).toBe(false)
  })
})

describe('known actions', () => {
  it('are those of a pattern, with their prefix', () => {
    expect(matchActions('rbin:*Rule')).toEqual([
      'rbin:CreateRule',
      'rbin:DeleteRule',
      'rbin:GetRule',
      'rbin:LockRule',
      'rbin:UnlockRule',
      'rbin:UpdateRule',
    ])
    expect(matchActions('toString:*')).toEqual([])
    expect(matchActions('*')).toEqual([])
  })
})
