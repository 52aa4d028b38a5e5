// Attacks on the token service: an intruder tries to assume another role, or a session with other limits.
import type { CloudDeclaration, DeclaredRole } from '../../sandbox/declaration.ts'
import type { Credentials } from '../../sandbox/identity/credentials.ts'
import { principalOf } from '../principals.ts'
import type { DrillSessions } from '../sessions.ts'

export interface StsAttack {
  name: string
  description: string
  /** The role that the attack tries to assume; null if it targets a limit of the session instead. */
  role: string | null
  run(sessions: DrillSessions, caller: Credentials, proof: CallerProof): Promise<Credentials>
}

/** Facts that a caller can add to its request. */
export interface CallerProof {
  /** The source identity of the caller's session. */
  readonly sourceIdentity: string | null
  readonly hasFactor: boolean
}

/**
 * With all requirements of the trust policy, which the intruder has read, then with none. A second factor can't be
 * read.
 */
function assumeEach({ roles }: CloudDeclaration): StsAttack[] {
  return roles.map(({ name, arn }) => ({
    name: `assume-${name}`,
    description: `become ${name}`,
    role: name,
    run: (sessions, caller, proof) => assumeAnyhow(sessions, caller, { name, arn }, proof),
  }))
}

/** Rejects with the first refusal, because the second request carries fewer facts. */
export async function assumeAnyhow(
  sessions: DrillSessions,
  caller: Credentials,
  { name, arn }: Pick<DeclaredRole, 'name' | 'arn'>,
  proof: CallerProof,
): Promise<Credentials> {
  const { secondFactor, sourceIdentity, ...part } = principalOf(name) ?? {
    role: name,
  }
  const identity = proof.sourceIdentity ?? sourceIdentity
  const factor = secondFactor === true && proof.hasFactor ? { secondFactor } : {}
  try {
    return await sessions.assume(caller, {
      ...part,
      arn,
      ...(identity === undefined ? {} : { sourceIdentity: identity }),
      ...factor,
    })
  } catch (refusal) {
    return sessions.assume(caller, { role: name, arn, ...factor }).catch(() => {
      throw refusal
    })
  }
}

const claims: StsAttack[] = [
  {
    name: 'choose-source-by-tag',
    description: 'become the writer of one source, tagged as another',
    role: null,
    run: (sessions, caller) =>
      sessions.assume(caller, {
        role: 'holdfast-writer-rental-db',
        externalId: 'holdfast/rental-db',
        tags: { 'holdfast-source': 'uploads' },
      }),
  },
  {
    name: 'choose-environment-by-tag',
    description: 'become the agent of staging, tagged as one of production',
    role: null,
    run: (sessions, caller, { sourceIdentity }) =>
      sessions.assume(caller, {
        role: 'holdfast-agent-staging',
        sourceIdentity: sourceIdentity ?? 'developer',
        tags: { 'holdfast-environment': 'production' },
      }),
  },
  {
    name: 'mistake-external-id',
    description: 'become a writer with the external id of another source',
    role: null,
    run: (sessions, caller) =>
      sessions.assume(caller, { role: 'holdfast-writer-rental-db', externalId: 'holdfast/uploads' }),
  },
]

export function stsAttacks(declaration: CloudDeclaration): StsAttack[] {
  return [...assumeEach(declaration), ...claims]
}
