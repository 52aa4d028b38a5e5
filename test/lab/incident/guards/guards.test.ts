import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { guards } from '../../../../guardrails/guards.ts'
import { addDelegatedRoles } from '../../../../lab/incident/guards/delegated-roles.ts'
import { removeGuard } from '../../../../lab/incident/guards/guard-removal.ts'
import { principalCalled, resourceCalled } from '../../../../lab/incident/guards/probe-principals.ts'
import type { Case } from '../../../../lab/incident/guards/probe-principals.ts'
import { guardProbes as probes } from '../../../../lab/incident/steps/guards.ts'
import type { AccessDecision } from '../../../../lab/sandbox/authorization/access.ts'
import { createAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import type { PolicyAuthorizer } from '../../../../lab/sandbox/authorization/authorizer.ts'
import { evaluate } from '../../../../lab/sandbox/authorization/evaluate.ts'
import type { CloudDeclaration } from '../../../../lab/sandbox/declaration.ts'
import { loadDeclaration } from '../../../../lab/sandbox/loader/loader.ts'

const decisionTimeMs = Date.UTC(2026, 0, 1)

const duties = JSON.parse(readFileSync(new URL('duties.json', import.meta.url), 'utf8')) as Case[]

let cloud: CloudDeclaration
let whole: PolicyAuthorizer
beforeAll(async () => {
  cloud = addDelegatedRoles(await loadDeclaration())
  whole = await createAuthorizer(cloud, { nowMs: () => decisionTimeMs })
})

function decide(
  authorizer: PolicyAuthorizer,
  { who: principalName, action, on, context }: Case,
): Promise<AccessDecision> {
  const resource = resourceCalled(authorizer.declaration, on)
  return evaluate(authorizer, {
    principal: principalCalled(authorizer.declaration, principalName, decisionTimeMs),
    action,
    resource: resource.arn,
    context: { ...resource.context, ...context },
  })
}

describe('every role can do its duty', () => {
  it.each(duties)('$who may $action on $on $context', async (duty) => {
    expect(await decide(whole, duty)).toMatchObject({ allowed: true })
  })
})

describe('every guard holds something up', () => {
  it.each(probes)('$guard keeps $who from $action on $on $context', async (probe) => {
    expect(await decide(whole, probe)).toMatchObject({ allowed: false })
    const without = await createAuthorizer(removeGuard(cloud, probe.guard), { nowMs: () => decisionTimeMs })
    expect(await decide(without, probe)).toMatchObject({ allowed: true })
  })

  it('is probed, unless it is a setting of the bucket or an alarm', () => {
    const probed = new Set(probes.map(({ guard }) => guard))
    const settings = ['object-lock', 'compliance', 'default-retention', 'flood-alarms']
    expect(guards.map(({ name }) => name).filter((name) => !probed.has(name))).toEqual(settings)
  })
})

describe('guards by name', () => {
  const vaultOf = (declaration: CloudDeclaration) =>
    declaration.buckets.find(({ name }) => name.startsWith('holdfast-vault-'))!

  it('take the lock, its mode or its default from the bucket', () => {
    expect(vaultOf(removeGuard(cloud, 'object-lock')).objectLock).toEqual({ enabled: false, default: null })
    expect(vaultOf(removeGuard(cloud, 'compliance')).objectLock).toEqual({
      enabled: true,
      default: { mode: 'GOVERNANCE', days: 40 },
    })
    expect(vaultOf(removeGuard(cloud, 'default-retention')).objectLock).toEqual({
      enabled: true,
      default: null,
    })
  })

  it('leave the declaration that they are given as it was', () => {
    const before = structuredClone(cloud)
    for (const { name } of guards) removeGuard(cloud, name)
    expect(cloud).toEqual(before)
  })

  it("move the vault into production's account under the same bucket names", () => {
    const shared = removeGuard(cloud, 'separate-account')
    expect(shared.buckets.map(({ name, accountId }) => ({ name, accountId }))).toEqual(
      cloud.buckets.map(({ name }) => ({ name, accountId: '222222222222' })),
    )
    expect(
      shared.roles
        .filter(({ accountId }) => accountId !== '333333333333')
        .every(({ arn, accountId }) => accountId === '222222222222' && arn.includes('222222222222')),
    ).toBe(true)
  })

  it('refuse a name that no guard has, and say which there are', () => {
    expect(() => removeGuard(cloud, 'constructor')).toThrow('there is no guard named "constructor"')
  })

  it("refuse to remove a guard that isn't in the declaration", () => {
    expect(() => removeGuard(removeGuard(cloud, 'if-none-match'), 'if-none-match')).toThrow('changed nothing')
  })
})
