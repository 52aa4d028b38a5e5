// The identities that attack: the credentials in production, an outsider's, an unsigned caller, and every role that
// they can reach, each with a real session.
import { EC2Client } from '@aws-sdk/client-ec2'
import { principalsReachable } from '../../sandbox/authorization/reachable.ts'
import type { ReachablePrincipal } from '../../sandbox/authorization/reachable.ts'
import type { Credentials } from '../../sandbox/identity/credentials.ts'
import type { Principal } from '../../sandbox/identity/principal.ts'
import type { Provisioned } from '../drill-context.ts'
import { connectS3, toSdk } from '../sessions.ts'
import { connectAccount } from './account-call.ts'
import type { Intruder } from './attack.ts'
import { assumeAnyhow } from './sts-attacks.ts'

/** Maximum number of role-chaining steps after the first one. */
const maxChainSteps = 3

export interface Identity extends Intruder {
  /** The last assumed role, or the name of the credential. Duties refer to it. */
  role: string
  /** Null for an unsigned caller. */
  credentials: Credentials | null
  hasFactor: boolean
  /** `vault`: a credential of the vault account; the other sides are in reach of production or of a stranger. */
  side: 'production' | 'outside' | 'vault'
}

interface Seed {
  who: string
  credentials: Credentials | null
  side: Identity['side']
  hasFactor?: boolean
}

const nobody: Principal = { kind: 'anonymous', accountId: null, arn: '*' }

function findSeeds({ sandbox, sessions, accounts }: Provisioned, foundKey: Credentials): Seed[] {
  const held = (name: string): Seed => ({
    who: name,
    credentials: sessions.ofWorkload(name),
    side: 'production',
  })
  return [
    { who: "production's root, by the key that the agent found", credentials: foundKey, side: 'production' },
    held('rental-db'),
    held('uploads'),
    held('agent-launcher'),
    held('operator'),
    { ...held('operator'), who: 'operator, with second factor', hasFactor: true },
    {
      who: 'root of an account outside the organization',
      credentials: sandbox.rootCredentials(accounts.outsider),
      side: 'outside',
    },
    { who: 'nobody (unsigned)', credentials: null, side: 'outside' },
  ]
}

export interface GatheredIdentities {
  identities: Identity[]
  /** Roles that the policies let an identity reach and the token service refused. */
  disagreements: string[]
}

export async function gatherIdentities(
  provisioned: Provisioned,
  foundKey: Credentials,
): Promise<GatheredIdentities> {
  const identities: Identity[] = []
  const disagreements: string[] = []
  for (const seed of findSeeds(provisioned, foundKey)) {
    const first = makeIdentity(provisioned, seed)
    identities.push(first)
    const reached = await assumeReachable(provisioned, first, disagreements)
    // Leave out roles that an identity without the second factor reached in as few steps.
    identities.push(
      ...reached.filter(
        ({ role, path }) =>
          !identities.some((earlier) => earlier.role === role && earlier.path.length <= path.length),
      ),
    )
  }
  identities.push(await assumeByPlatform(provisioned))
  // Last, because a successful attack by root would change the vault for the identities after it.
  const { sandbox, accounts } = provisioned
  identities.push(
    makeIdentity(provisioned, {
      who: "vault's root",
      credentials: sandbox.rootCredentials(accounts.vault),
      side: 'vault',
    }),
  )
  return { identities, disagreements }
}

async function assumeReachable(
  provisioned: Provisioned,
  from: Identity,
  disagreements: string[],
): Promise<Identity[]> {
  const identitiesByArn = new Map<string, Identity>([[from.principal.arn, from]])
  const byPath = (path: readonly string[]) => path.join(' ')
  const reached = new Map<string, Identity>([['', from]])
  const list = await findReachable(provisioned, from)
  for (const { path } of list) {
    const caller = reached.get(byPath(path.slice(0, -1)))
    if (caller === undefined) continue
    const arn = path.at(-1) ?? ''
    const role = roleName(arn)
    try {
      const credentials = await assumeAnyhow(
        provisioned.sessions,
        caller.credentials!,
        { name: role, arn },
        {
          sourceIdentity: caller.principal.session?.sourceIdentity ?? null,
          hasFactor: caller.hasFactor,
        },
      )
      const identity = makeIdentity(
        provisioned,
        { who: from.who, credentials, side: from.side },
        path.map(roleName),
      )
      reached.set(byPath(path), identity)
      identitiesByArn.set(identity.principal.arn, identity)
    } catch (error) {
      disagreements.push(
        `${from.who} can reach ${role} by the policies, and the token service refuses with ${(error as Error).name}`,
      )
    }
  }
  return [...identitiesByArn.values()].filter((identity) => identity !== from)
}

/** A second factor counts for the first step only; later steps of the chain have none. */
async function findReachable({ authorizer }: Provisioned, from: Identity): Promise<ReachablePrincipal[]> {
  if (!from.hasFactor) return principalsReachable(authorizer, from.principal, maxChainSteps + 1)
  const first = await principalsReachable(authorizer, from.principal, 1, { secondFactor: true })
  const further = await Promise.all(
    first.map(async ({ principal, path }) =>
      (await principalsReachable(authorizer, principal, maxChainSteps)).map((further) => ({
        ...further,
        path: [...path, ...further.path],
      })),
    ),
  )
  return [...first, ...further.flat()]
}

/** The workload outside AWS has no AWS credential, only a token of its platform. */
async function assumeByPlatform(provisioned: Provisioned): Promise<Identity> {
  const role = 'holdfast-writer-site'
  const credentials = await provisioned.sessions.of(role)
  return makeIdentity(
    provisioned,
    { who: 'site, by a token of its platform', credentials, side: 'production' },
    [role],
  )
}

function makeIdentity(
  { sandbox, region }: Provisioned,
  { who: seedName, credentials, side, hasFactor = false }: Seed,
  path: readonly string[] = [],
): Identity {
  const place = { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs }
  const role = path.at(-1) ?? seedName
  return {
    who: [seedName, ...path].join(' → '),
    path,
    role,
    credentials,
    hasFactor,
    side,
    principal:
      credentials === null
        ? nobody
        : (sandbox.credentials.find(credentials.accessKeyId)?.principal ?? nobody),
    s3: connectS3(place, credentials),
    ec2: new EC2Client({
      endpoint: sandbox.endpoint,
      region,
      maxAttempts: 1,
      systemClockOffset: sandbox.clock.offsetMs,
      credentials: credentials === null ? { accessKeyId: 'x', secretAccessKey: 'x' } : toSdk(credentials),
    }),
    callAccount: connectAccount(place, credentials),
  }
}

export function dismiss(identities: readonly Identity[]): void {
  for (const { s3, ec2 } of identities) {
    s3.destroy()
    ec2.destroy()
  }
}

function roleName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}
