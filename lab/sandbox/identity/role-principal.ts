import type { DeclaredRole } from '../declaration.ts'
import type { Principal } from './principal.ts'

export type SessionFacts = NonNullable<Principal['session']>

/** A session of `role` without a role chain and without session policies. */
export function sessionOfRole(
  { accountId, arn, name }: Pick<DeclaredRole, 'accountId' | 'arn' | 'name'>,
  { sessionName, nowMs }: { sessionName: string; nowMs: number },
  changes: Partial<SessionFacts> = {},
): Principal {
  return {
    kind: 'role-session',
    accountId,
    arn: `arn:aws:sts::${accountId}:assumed-role/${name}/${sessionName}`,
    session: {
      roleArn: arn,
      sessionName,
      sourceIdentity: 'someone',
      tags: {},
      policies: [],
      issuedMs: nowMs,
      chainDepth: 1,
      multiFactor: null,
      federated: {},
      ...changes,
    },
  }
}
