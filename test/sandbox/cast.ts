// Who is who, and what is what, in the tables of decisions: names that read well, for principals, ARNs and resource tags.
import type { Principal } from '../../sandbox/access.ts'
import { exampleAccounts } from '../../sandbox/example-config.ts'

export interface Case {
  who: string
  action: string
  on: string
  context?: Record<string, string | string[]>
}

const { vault, production, outsider } = exampleAccounts
const nowMs = Date.UTC(2026, 0, 1)

function session(accountId: string, path: string, role: string, more: Partial<NonNullable<Principal['session']>> = {}): Principal {
  return {
    kind: 'role-session',
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/${role}/test`,
    session: {
      roleArn: `arn:aws:iam::${accountId}:role${path}${role}`,
      sessionName: 'test',
      sourceIdentity: 'someone',
      tags: {},
      policies: [],
      issuedMs: nowMs,
      chainDepth: 1,
      multiFactor: null,
      federated: {},
      ...more,
    },
  }
}

function root(accountId: string): Principal {
  return { kind: 'root', accountId, arn: `arn:aws:iam::${accountId}:root` }
}

const people: Record<string, Principal> = {
  'vault-root': root(vault),
  'production-root': root(production),
  'outsider-root': root(outsider),
  'restore operator': session(vault, '/people/', 'restore-operator'),
  'restore operator by Identity Center': session(vault, '/people/', 'restore-operator', { tags: { 'holdfast-second-factor': 'true' } }),
  'check runner': session(vault, '/people/', 'check-runner'),
  operator: session(production, '/people/', 'operator'),
  launcher: session(production, '/workloads/', 'agent-launcher'),
  'agent staging, nameless': session(production, '/holdfast-agents/', 'holdfast-agent-staging', { sourceIdentity: null }),
}

/** @throws if nobody is called so, so that no row of a table can pass by a misspelt name. */
export function principalCalled(who: string): Principal {
  const known = people[who]
  if (known !== undefined) return known
  const [kind = '', name = ''] = who.split(' ')
  if (kind === 'writer') return session(vault, '/holdfast/', `holdfast-writer-${name}`)
  if (kind === 'workload') return session(production, '/workloads/', name)
  if (kind === 'agent') return session(production, '/holdfast-agents/', `holdfast-agent-${name}`)
  if (['notary', 'custodian', 'restorer', 'drill'].includes(who)) return session(vault, '/holdfast/', `holdfast-${who}`)
  if (['administrator', 'break-glass'].includes(who)) return session(production, '/holdfast-production/', `holdfast-${who}`)
  throw new Error(`nobody is called ${who}`)
}

/** The ARN of what a row names, with the context keys that come with it. */
export function resourceCalled(on: string): { arn: string; context: Record<string, string> } {
  const bucket = /^(vault|feedback)(\/.*)?$/.exec(on)
  if (bucket !== null) return { arn: `arn:aws:s3:::holdfast-${bucket[1]}-${vault}-eu-central-1${bucket[2] ?? ''}`, context: {} }
  const [kind = '', ...rest] = on.split(' ')
  if (kind === 'role') return { arn: principalCalled(rest.join(' ')).session!.roleArn, context: {} }
  const machine = /^production (volume|instance) of (\w+)$/.exec(on)
  if (machine !== null) {
    const id = machine[1] === 'volume' ? 'volume/vol-0123456789abcdef0' : 'instance/i-0123456789abcdef0'
    return { arn: `arn:aws:ec2:eu-central-1:${production}:${id}`, context: { 'aws:ResourceTag/environment': machine[2]! } }
  }
  if (on === 'account vault') return { arn: `arn:aws:account::${vault}:account`, context: {} }
  if (on === 'production snapshot') return { arn: 'arn:aws:ec2:eu-central-1::snapshot/snap-0123456789abcdef0', context: {} }
  if (on === 'policy agent boundary') return { arn: `arn:aws:iam::${production}:policy/holdfast-agent-boundary`, context: {} }
  if (on === 'access point in vault') return { arn: `arn:aws:s3:eu-central-1:${vault}:accesspoint/side-door`, context: {} }
  if (on === '*') return { arn: '*', context: {} }
  throw new Error(`nothing is called ${on}`)
}

export const decisionTimeMs = nowMs
