// What an intruder tries on the token service: to become somebody else, or somebody with other limits.
import type { CloudDeclaration } from '../../sandbox/declaration.ts'
import type { Credentials } from '../../sandbox/identity/credentials.ts'
import { cast } from '../principals.ts'
import type { DrillSessions } from '../sessions.ts'

export interface StsAttack {
  name: string
  what: string
  /** The role that it is after; null where it is not after one. */
  role: string | null
  run(
    sessions: DrillSessions,
    caller: Credentials,
    source: string | null,
    hasFactor: boolean,
  ): Promise<Credentials>
}

/** With all that a trust policy asks for, which whoever attacks has read, then with nothing. A second factor can't be read. */
function assumeEach({ roles }: CloudDeclaration): StsAttack[] {
  return roles.map(({ name }) => ({
    name: `assume-${name}`,
    what: `become ${name}`,
    role: name,
    run: (sessions, caller, source, hasFactor) => assumeAnyhow(sessions, caller, name, source, hasFactor),
  }))
}

/** Rejects with the first refusal: the second is that of a request that says less. */
export async function assumeAnyhow(
  sessions: DrillSessions,
  caller: Credentials,
  name: string,
  source: string | null,
  hasFactor: boolean,
): Promise<Credentials> {
  const { secondFactor, sourceIdentity, ...part } = cast.find(({ role }) => role === name) ?? { role: name }
  const identity = source ?? sourceIdentity
  const factor = secondFactor === true && hasFactor ? { secondFactor } : {}
  try {
    return await sessions.assume(caller, {
      ...part,
      ...(identity === undefined ? {} : { sourceIdentity: identity }),
      ...factor,
    })
  } catch (refusal) {
    return sessions.assume(caller, { role: name, ...factor }).catch(() => {
      throw refusal
    })
  }
}

const claims: StsAttack[] = [
  {
    name: 'choose-source-by-tag',
    what: 'become the writer of one source, tagged as another',
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
    what: 'become the agent of staging, tagged as one of production',
    role: null,
    run: (sessions, caller, source) =>
      sessions.assume(caller, {
        role: 'holdfast-agent-staging',
        sourceIdentity: source ?? 'developer',
        tags: { 'holdfast-environment': 'production' },
      }),
  },
  {
    name: 'mistake-external-id',
    what: 'become a writer with the external id of another source',
    role: null,
    run: (sessions, caller) =>
      sessions.assume(caller, { role: 'holdfast-writer-rental-db', externalId: 'holdfast/uploads' }),
  },
]

export function stsAttacks(declaration: CloudDeclaration): StsAttack[] {
  return [...assumeEach(declaration), ...claims]
}
