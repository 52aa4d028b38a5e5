// Chooses who decides on the permissions of a subject: IAM's simulator for a live role, our evaluator for documents.
import { IdentityService } from '../aws/identity-service.ts'
import type { ServiceSettings } from '../aws/service-settings.ts'
import { SessionService } from '../aws/session-service.ts'
import { HoldfastError } from '../core/errors.ts'
import { simulatedPermissions } from './live-role-chaining.ts'
import type { PermissionSource } from './permissions.ts'
import { evaluatePolicies } from './policy-evaluator.ts'
import { readDocument, readPolicySet, readRecordedAccount } from './policy-set.ts'
import { evaluateWithRoleChaining } from './role-chaining.ts'

/** A role or a set of policy files whose blast radius we measure. */
export interface Subject {
  /**
   * ARN of a role, a user or a group. Needs `isLive` or `recordedFile`; if it is live and undefined, the identity of
   * the SDK's credentials.
   */
  role?: string
  isLive: boolean
  /** A recording of the role's account. */
  recordedFile?: string
  /** Identity policies, if there is no role. */
  policyFiles: readonly string[]
  boundaryFile?: string
  sessionPolicyFile?: string
  scpFiles: readonly string[]
  /** ARNs that a live role is simulated on besides those in its policies. */
  resources: readonly string[]
}

/** Calls `use` with the subject's permissions; null if the subject is neither a role nor policies. */
export async function withPermissions<Result>(
  subject: Subject,
  settings: ServiceSettings,
  use: (source: PermissionSource | null) => Promise<Result>,
): Promise<Result> {
  if (!subject.isLive) return use(await permissionsOfDocuments(subject))
  const iam = new IdentityService(settings)
  try {
    const role = subject.role ?? (await currentIdentity(iam, settings))
    return await use(await simulatedPermissions(iam, role, { resources: subject.resources }))
  } finally {
    iam.close()
  }
}

async function permissionsOfDocuments(subject: Subject): Promise<PermissionSource | null> {
  const limits = {
    ...(subject.boundaryFile === undefined ? {} : { boundary: readDocument(subject.boundaryFile) }),
    ...(subject.sessionPolicyFile === undefined ? {} : { session: readDocument(subject.sessionPolicyFile) }),
  }
  if (subject.role !== undefined) {
    const account = readRecordedAccount(subject.recordedFile!)
    return evaluateWithRoleChaining(account, {
      ...account.policiesOf(subject.role),
      scps: subject.scpFiles.map(readDocument),
      ...limits,
    })
  }
  if (subject.policyFiles.length === 0) return null
  const set = readPolicySet({ identity: subject.policyFiles, scps: subject.scpFiles })
  return evaluatePolicies({ ...set, ...limits })
}

/** ARN of the role or user that the SDK's default chain finds: the identity that an agent on this machine has. */
async function currentIdentity(iam: IdentityService, settings: ServiceSettings): Promise<string> {
  const sts = new SessionService(settings)
  try {
    const { arn } = await sts.whoAmI()
    // The ARN of a session lacks the path of its role.
    const roleName = /^arn:[\w-]+:sts::\d{12}:assumed-role\/([\w+=,.@-]{1,64})\//.exec(arn)?.[1]
    if (roleName !== undefined) return await iam.findRole(roleName)
    if (/^arn:[\w-]+:iam::\d{12}:user\//.test(arn)) return arn
    throw new HoldfastError(
      'invalid-input',
      `the current credentials belong to ${arn}, not to a role or a user`,
      {
        hint: 'no policy of the account limits its root user: delete the access keys of the root user',
      },
    )
  } finally {
    sts.close()
  }
}
