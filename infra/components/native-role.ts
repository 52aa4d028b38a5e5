// A role of AWS Backup. It has the policy that AWS maintains for it, and a deny that keeps it with the services of
// backups.
import * as aws from '@pulumi/aws'
import { nativeRolePolicy, nativeTrustPolicy } from '../../guardrails/native-backups.ts'
import type { NativeRoleUse } from '../../guardrails/native-backups.ts'
import { componentOptions } from '../owner.ts'
import type { Owner } from '../owner.ts'
import { ScopedRole } from './scoped-role.ts'

export interface NativeRoleArgs {
  roleName: string
  path: string
  use: NativeRoleUse
}

export function declareNativeRole(
  name: string,
  { roleName, path, use }: NativeRoleArgs,
  owner: Owner,
): ScopedRole {
  const policyArn = `arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor${use}`
  const scoped = new ScopedRole(
    name,
    {
      roleName,
      path,
      description: `The role of AWS Backup for ${use.toLowerCase()}, and for nothing else`,
      trust: nativeTrustPolicy(),
      policy: nativeRolePolicy(use),
      attached: [policyArn],
    },
    componentOptions(owner),
  )
  new aws.iam.RolePolicyAttachment(name, { role: scoped.role.name, policyArn }, owner)
  return scoped
}
