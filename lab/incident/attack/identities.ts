// Everyone who attacks: the credentials that lie about in production, an outsider's, nobody's, and every role that can be
// reached from them, assumed for real.
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

/** After the first credential, so many roles may be assumed one from another. */
const hops = 3

export interface Identity extends Intruder {
  /** The last role of the path, or the credential: what duties go by. */
  role: string
  /** Null for one that doesn't sign. */
  credentials: Credentials | null
  hasFactor: boolean
  /** `vault`: holds what only the vault account has; the others are what production, or a stranger, can get at. */
  side: 'production' | 'outside' | 'vault'
}

interface Seed {
  who: string
  credentials: Credentials | null
  side: Identity['side']
  hasFactor?: true
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

export interface Cast {
  identities: Identity[]
  /** Where the policies say that a role can be reached and the token service refused, or the other way round. */
  disagreements: string[]
}

export async function gatherIdentities(provisioned: Provisioned, foundKey: Credentials): Promise<Cast> {
  const identities: Identity[] = []
  const disagreements: string[] = []
  for (const seed of findSeeds(provisioned, foundKey)) {
    const first = makeIdentity(
      provisioned,
      seed.who,
      [],
      seed.credentials,
      seed.side,
      seed.hasFactor === true,
    )
    identities.push(first)
    const reached = await assumeReachable(provisioned, first, disagreements)
    // Whatever a second factor doesn't add is there already, reached without one.
    identities.push(
      ...reached.filter(
        ({ role, path }) =>
          !identities.some((earlier) => earlier.role === role && earlier.path.length <= path.length),
      ),
    )
  }
  identities.push(await assumeByPlatform(provisioned))
  // Last: if it gets through, the vault is not what it was for those who come after it.
  const { sandbox, accounts } = provisioned
  identities.push(
    makeIdentity(provisioned, "vault's root", [], sandbox.rootCredentials(accounts.vault), 'vault', false),
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
    const role = roleName(path.at(-1) ?? '')
    try {
      const session = await assumeAnyhow(
        provisioned.sessions,
        caller.credentials!,
        role,
        caller.principal.session?.sourceIdentity ?? null,
        caller.hasFactor,
      )
      const identity = makeIdentity(provisioned, from.who, path.map(roleName), session, from.side, false)
      reached.set(byPath(path), identity)
      identitiesByArn.set(identity.principal.arn, identity)
    } catch (error) {
      disagreements.push(
        `${from.who} can reach ${role} by the policies, and the token service answers ${(error as Error).name}`,
      )
    }
  }
  return [...identitiesByArn.values()].filter((identity) => identity !== from)
}

/** A second factor helps with the first step: what is reached from there is reached without. */
async function findReachable({ authorizer }: Provisioned, from: Identity): Promise<ReachablePrincipal[]> {
  if (!from.hasFactor) return principalsReachable(authorizer, from.principal, hops + 1)
  const first = await principalsReachable(authorizer, from.principal, 1, { secondFactor: true })
  const further = await Promise.all(
    first.map(async ({ principal, path }) =>
      (await principalsReachable(authorizer, principal, hops)).map((further) => ({
        ...further,
        path: [...path, ...further.path],
      })),
    ),
  )
  return [...first, ...further.flat()]
}

/** The workload outside AWS holds no credential of AWS at all, only its platform's word. */
async function assumeByPlatform(provisioned: Provisioned): Promise<Identity> {
  const role = 'holdfast-writer-site'
  return makeIdentity(
    provisioned,
    'site, by a token of its platform',
    [role],
    await provisioned.sessions.of(role),
    'production',
    false,
  )
}

function makeIdentity(
  { sandbox, region }: Provisioned,
  seed: string,
  path: readonly string[],
  credentials: Credentials | null,
  side: Identity['side'],
  hasFactor: boolean,
): Identity {
  const place = { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs }
  const role = path.at(-1) ?? seed
  return {
    who: [seed, ...path].join(' → '),
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
