// Checks every declared policy once. A policy that AWS would refuse is an error; a name that AWS would ignore
// is a finding.

import type { CloudDeclaration, NamedPolicy } from '../declaration.ts'
import { listOf, statementsOf } from './check-policy.ts'
import type { PolicyKind } from './check-policy.ts'
import { compilePolicy, sidOf } from './compile-policy.ts'
import { describeKey } from './key-facts.ts'
import { patternHasAction } from './service-reference.ts'

export interface PolicyFinding {
  policy: string
  sid: string
  /** The unknown action or condition key. */
  name: string
  kind: 'unknown-action' | 'unknown-key'
}

/** Rejects with `invalid-input`, naming the policy, if a policy is malformed. */
export async function checkDeclaredPolicies(declaration: CloudDeclaration): Promise<PolicyFinding[]> {
  const findings: PolicyFinding[] = []
  for (const [kind, policy] of listPolicies(declaration)) {
    await compilePolicy(kind, policy)
    findings.push(...(await findUnknownNames(policy)))
  }
  return findings
}

async function findUnknownNames({ name: policy, document }: NamedPolicy): Promise<PolicyFinding[]> {
  const findings: PolicyFinding[] = []
  for (const [index, statement] of statementsOf(document).entries()) {
    const sid = sidOf(statement, index)
    for (const action of [...listOf(statement.Action), ...listOf(statement.NotAction)].map(String)) {
      if (!(await patternHasAction(action)))
        findings.push({ policy, sid, name: action, kind: 'unknown-action' })
    }
    for (const key of Object.values((statement.Condition ?? {}) as Record<string, object>).flatMap((keys) =>
      Object.keys(keys),
    )) {
      if (!(await describeKey(key)).exists) findings.push({ policy, sid, name: key, kind: 'unknown-key' })
    }
  }
  return findings
}

function listPolicies({ accounts, buckets, roles, keys }: CloudDeclaration): [PolicyKind, NamedPolicy][] {
  const listed: [PolicyKind, NamedPolicy][] = []
  for (const account of accounts) {
    for (const policy of account.scps.flat()) listed.push(['scp', policy])
    // Skip: AWS owns RCPFullAWSAccess, and only this RCP may allow.
    for (const policy of account.rcps.flat())
      if (policy.name !== 'RCPFullAWSAccess') listed.push(['rcp', policy])
  }
  for (const { name, policy } of buckets) {
    if (policy !== null)
      listed.push(['resource', { name: `policy of arn:aws:s3:::${name}`, document: policy }])
  }
  for (const { arn, trust, policies, boundary } of roles) {
    listed.push(['trust', { name: `trust policy of ${arn}`, document: trust }])
    for (const policy of policies) listed.push(['identity', policy])
    if (boundary !== null) listed.push(['boundary', boundary])
  }
  for (const { arn, policy } of keys) {
    if (policy !== null) listed.push(['resource', { name: `policy of ${arn}`, document: policy }])
  }
  return listed
}
