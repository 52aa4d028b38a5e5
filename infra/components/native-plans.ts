// The plans of AWS Backup in production: for each entry and region, a vault, a plan that copies each recovery point
// into the vault's account, and the tag that selects the resources.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  nativeBackupRoleName,
  nativeLocalDays,
  nativeLocalVaultName,
  nativeName,
  nativePlanTag,
  nativeTimings,
  nativeVaultArn,
} from '../../guardrails/native-backups.ts'
import type { NativeBackup } from '../../guardrails/native-backups.ts'
import { rolePaths } from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { declareNativeRole } from './native-role.ts'

export interface NativePlansArgs {
  /** The vaults; production is backed up in the same regions. */
  locations: readonly VaultLocation[]
  native: readonly NativeBackup[]
}

export class NativePlans extends pulumi.ComponentResource {
  constructor(
    name: string,
    { locations, native }: NativePlansArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super('holdfast:production:NativePlans', name, {}, options)
    const { role } = declareNativeRole(
      `${name}-backup`,
      { roleName: nativeBackupRoleName, path: rolePaths.production, use: 'Backup' },
      { parent: this, protect: true },
    )
    for (const location of locations)
      for (const entry of native)
        this.plan(`${name}-${nativeName(entry.tag)}-${location.region}`, entry, { location, role })
    this.registerOutputs({})
  }

  private plan(
    name: string,
    { tag, schedule, retentionDays }: NativeBackup,
    { location, role }: { location: VaultLocation; role: aws.iam.Role },
  ): void {
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const { region } = location
    const vault = new aws.backup.Vault(name, { region, name: nativeLocalVaultName(tag) }, protectedOptions)
    const plan = new aws.backup.Plan(
      name,
      {
        region,
        name: nativeLocalVaultName(tag),
        tags: { [nativePlanTag.key]: nativePlanTag.value },
        rules: [
          {
            ruleName: 'copy-to-the-vault',
            targetVaultName: vault.name,
            schedule: nativeTimings[schedule].cron,
            startWindow: 60,
            lifecycle: { deleteAfter: nativeLocalDays },
            copyActions: [
              { destinationVaultArn: nativeVaultArn(location), lifecycle: { deleteAfter: retentionDays } },
            ],
          },
        ],
      },
      protectedOptions,
    )
    const [key, value] = tag.split('=') as [string, string]
    new aws.backup.Selection(
      name,
      {
        region,
        name: nativeLocalVaultName(tag),
        planId: plan.id,
        iamRoleArn: role.arn,
        selectionTags: [{ type: 'STRINGEQUALS', key, value }],
      },
      protectedOptions,
    )
  }
}
