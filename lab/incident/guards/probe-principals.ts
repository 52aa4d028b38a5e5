// Resolves the readable names in the tables of probes and duties to the principals, ARNs and resource tags of a
// declaration.
import type { CloudDeclaration } from '../../sandbox/declaration.ts'
import type { Principal } from '../../sandbox/identity/principal.ts'
import { sessionOfRole } from '../../sandbox/identity/role-principal.ts'
import type { SessionFacts } from '../../sandbox/identity/role-principal.ts'
import { delegatedRoles } from '../../sandbox/loader/delegated-roles.ts'
import { exampleAccounts } from '../../sandbox/loader/example-config.ts'
import { roleNamed } from '../principals.ts'

export interface Case {
  who: string
  action: string
  on: string
  context?: Record<string, string | string[]>
}

const roleNames: Readonly<Record<string, string>> = {
  'restore operator': 'restore-operator',
  'check runner': 'check-runner',
  operator: 'operator',
  launcher: 'agent-launcher',
  administrator: 'holdfast-administrator',
  'break-glass': 'holdfast-break-glass',
  notary: 'holdfast-notary',
  custodian: 'holdfast-custodian',
  restorer: 'holdfast-restorer',
  drill: 'holdfast-drill',
  'native backup': 'holdfast-native-backup',
  'native restore': 'holdfast-native-restore',
  'stack set': delegatedRoles['stack set'].name,
  'permission set': delegatedRoles['permission set'].name,
}
const prefixes: Readonly<Record<string, string>> = {
  writer: 'holdfast-writer-',
  workload: '',
  agent: 'holdfast-agent-',
}

/** @throws for an unknown name, so that no row of a table can pass because of a misspelt name. */
export function principalCalled(
  declaration: CloudDeclaration,
  subjectName: string,
  nowMs: number,
): Principal {
  if (subjectName === 'vault-root') return root(vaultAccount(declaration))
  if (subjectName === 'production-root') return root(exampleAccounts.production)
  if (subjectName === 'outsider-root') return root(exampleAccounts.outsider)
  const [, name = '', remark] = /^(.*?)(, nameless| by Identity Center)?$/.exec(subjectName) ?? []
  const changes: Partial<SessionFacts> =
    remark === ', nameless'
      ? { sourceIdentity: null }
      : remark === undefined
        ? {}
        : { tags: { 'holdfast-second-factor': 'true' } }
  return sessionOfRole(roleNamed(declaration, roleNameOf(name)), { sessionName: 'probe', nowMs }, changes)
}

function roleNameOf(subjectName: string): string {
  const roleName = roleNames[subjectName]
  if (roleName !== undefined) return roleName
  const [kind = '', ...words] = subjectName.split(' ')
  const prefix = prefixes[kind]
  if (prefix === undefined) throw new Error(`there is no principal called ${subjectName}`)
  return prefix + words.join(' ')
}

function root(accountId: string): Principal {
  return { kind: 'root', accountId, arn: `arn:aws:iam::${accountId}:root` }
}

/** The ARN of a named resource, with its context keys. */
export function resourceCalled(
  declaration: CloudDeclaration,
  on: string,
): { arn: string; context: Record<string, string> } {
  const { production } = exampleAccounts
  const bucket = /^(vault|feedback)(\/.*)?$/.exec(on)
  if (bucket !== null)
    return {
      arn: `arn:aws:s3:::${bucketOf(declaration, bucket[1] ?? '').name}${bucket[2] ?? ''}`,
      context: {},
    }
  const [kind = '', ...words] = on.split(' ')
  if (kind === 'role') return { arn: roleArnOf(declaration, words.join(' ')), context: {} }
  const machine = /^production (volume|instance) of (\w+)$/.exec(on)
  if (machine !== null) {
    const id = machine[1] === 'volume' ? 'volume/vol-0123456789abcdef0' : 'instance/i-0123456789abcdef0'
    return {
      arn: `arn:aws:ec2:eu-central-1:${production}:${id}`,
      context: { 'aws:ResourceTag/environment': machine[2] ?? '' },
    }
  }
  if (on === 'account vault')
    return { arn: `arn:aws:account::${vaultAccount(declaration)}:account`, context: {} }
  if (on === 'production snapshot')
    return { arn: 'arn:aws:ec2:eu-central-1::snapshot/snap-0123456789abcdef0', context: {} }
  if (on === 'policy agent boundary')
    return { arn: `arn:aws:iam::${production}:policy/holdfast-agent-boundary-staging`, context: {} }
  if (on === 'access point in vault')
    return { arn: `arn:aws:s3:eu-central-1:${vaultAccount(declaration)}:accesspoint/side-door`, context: {} }
  if (on.startsWith('arn:')) return { arn: on, context: {} }
  if (on === '*') return { arn: '*', context: {} }
  throw new Error(`there is no resource called ${on}`)
}

/** A role that isn't declared yet, such as the writer of a new source, gets its future ARN. */
function roleArnOf(declaration: CloudDeclaration, subjectName: string): string {
  const name = roleNameOf(subjectName)
  return (
    declaration.roles.find((role) => role.name === name)?.arn ??
    `arn:aws:iam::${vaultAccount(declaration)}:role/holdfast/${name}`
  )
}

function bucketOf({ buckets }: CloudDeclaration, kind: string) {
  const bucket = buckets.find(({ name }) => name.startsWith(`holdfast-${kind}-`))
  if (bucket === undefined) throw new Error(`the program declares no ${kind} bucket`)
  return bucket
}

function vaultAccount(declaration: CloudDeclaration): string {
  return bucketOf(declaration, 'vault').accountId
}
