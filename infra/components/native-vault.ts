// The air-gapped vault of AWS Backup in one region of the vault's account, and the restores that AWS tries from it
// each week. AWS locks each copy in COMPLIANCE for its days, under a key that AWS owns.
import * as aws from '@pulumi/aws'
import * as pulumi from '@pulumi/pulumi'
import {
  nativeRetention,
  nativeVaultArn,
  nativeVaultName,
  nativeVaultPolicy,
} from '../../guardrails/native-backups.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'

export interface NativeVaultArgs {
  location: VaultLocation
  productionAccountId: string
  /** The role with which AWS Backup restores. */
  restoreRoleArn: pulumi.Input<string>
}

/** AWS's names of the types whose newest copies are restored, and what a restore must not inherit. */
const testedTypes: Readonly<Record<string, Record<string, string>>> = {
  Aurora: {},
  DynamoDB: {},
  EBS: {},
  EFS: {},
  RDS: { publiclyAccessible: 'false' },
}

export class NativeVault extends pulumi.ComponentResource {
  constructor(name: string, args: NativeVaultArgs, options: pulumi.ComponentResourceOptions) {
    super('holdfast:vault:NativeVault', name, {}, options)
    const protectedOptions = { parent: this, protect: true, retainOnDelete: true }
    const vault = new aws.backup.LogicallyAirGappedVault(
      name,
      {
        name: nativeVaultName,
        minRetentionDays: nativeRetention.minDays,
        maxRetentionDays: nativeRetention.maxDays,
      },
      protectedOptions,
    )
    new aws.backup.VaultPolicy(
      name,
      {
        backupVaultName: vault.name,
        policy: renderPolicy(nativeVaultPolicy(args.location, args.productionAccountId)),
      },
      protectedOptions,
    )
    this.testRestores(name, args, protectedOptions)
    this.registerOutputs({})
  }

  /** AWS takes letters, digits and `_` in these names. It removes what it restored after the window. */
  private testRestores(
    name: string,
    { location, restoreRoleArn }: NativeVaultArgs,
    options: pulumi.CustomResourceOptions,
  ): void {
    const plan = new aws.backup.RestoreTestingPlan(
      name,
      {
        name: 'holdfast_native',
        scheduleExpression: 'cron(0 5 ? * SUN *)',
        startWindowHours: 24,
        recoveryPointSelection: {
          algorithm: 'LATEST_WITHIN_WINDOW',
          includeVaults: [nativeVaultArn(location)],
          recoveryPointTypes: ['SNAPSHOT'],
          selectionWindowDays: nativeRetention.minDays,
        },
      },
      options,
    )
    for (const [type, overrides] of Object.entries(testedTypes))
      new aws.backup.RestoreTestingSelection(
        `${name}-${type.toLowerCase()}`,
        {
          name: `holdfast_${type.toLowerCase()}`,
          restoreTestingPlanName: plan.name,
          protectedResourceType: type,
          protectedResourceArns: ['*'],
          iamRoleArn: restoreRoleArn,
          validationWindowHours: 1,
          ...(Object.keys(overrides).length === 0 ? {} : { restoreMetadataOverrides: overrides }),
        },
        options,
      )
  }
}
