// Rows on AWS Backup: no principal takes its copies, its vault or its plans away, and only production's role copies
// into the vault.
import { frozenRoleActions } from '../../guardrails/frozen-actions.ts'
import {
  frozenNativeActions,
  keptLocalVaultActions,
  keptPlanActions,
  keptSettingActions,
  nativeBackupRoleArn,
  nativeBackupRoleName,
  nativeLocalVaultArn,
  nativePlanTag,
  nativeRestoreRoleArn,
  nativeVaultArn,
} from '../../guardrails/native-backups.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { locationsOf } from '../../infra/config.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { findResourcePolicy } from './resource-policies.ts'
import { makeRowsOf, servicePrincipal } from './row-maker.ts'
import { namesIn, targetsOf } from './targets.ts'
import { makeWeakeningsIn } from './weakening.ts'
import type { Weakening } from './weakening.ts'

export async function nativeWeakenings(
  place: VaultLocation,
  productionAccountId: string,
  hasNative: boolean,
): Promise<Weakening[]> {
  if (!hasNative) return []
  const inVault = makeWeakeningsIn(place.accountId)
  const inProduction = makeWeakeningsIn(productionAccountId)
  const frozen = await Promise.all(
    frozenNativeActions.map(async (action) => {
      const targets = await targetsOf(action, place.accountId, place.region, namesIn('vault', place))
      return targets.map(({ arn }) => inVault("takes AWS Backup's copies away, or opens them", action, arn))
    }),
  )
  const stops = 'stops the backups of AWS Backup'
  return [
    ...frozen.flat(),
    ...keptPlanActions.map((action) =>
      inProduction(stops, action, `arn:aws:backup:${place.region}:${productionAccountId}:backup-plan:some`, {
        context: { [`aws:ResourceTag/${nativePlanTag.key}`]: nativePlanTag.value },
      }),
    ),
    ...keptLocalVaultActions.map((action) =>
      inProduction(stops, action, nativeLocalVaultArn(productionAccountId, place.region, 'backup=daily')),
    ),
    ...frozenRoleActions.map((action) =>
      inProduction(stops, action, nativeBackupRoleArn(productionAccountId)),
    ),
    ...keptSettingActions.map((action) => inProduction(stops, action, '*')),
  ]
}

export function nativeRows(
  config: HoldfastConfig,
  resources: readonly RecordedResource[],
  principals: readonly Subject[],
): ProofRow[] {
  if (config.native.length === 0) return []
  const { may, mayNot } = makeRowsOf(config.vaultAccountId)
  const strangers = principals.filter(({ account }) => account !== 'vault')
  const copies = locationsOf(config).flatMap((location) => {
    const vault = nativeVaultArn(location)
    const details = { resourcePolicy: findResourcePolicy(resources, vault) }
    return strangers.map((subject) =>
      (subject.role?.name === nativeBackupRoleName ? may : mayNot)(
        subject,
        'backup:CopyIntoBackupVault',
        vault,
        details,
      ),
    )
  })
  const { may: mayInProduction } = makeRowsOf(config.productionAccountId)
  const ownPlan = `arn:aws:backup:${config.region}:${config.productionAccountId}:backup-plan:own`
  const owners = principals.filter(({ kind }) => kind === 'administrator')
  const backup = { name: 'AWS Backup', principal: servicePrincipal('backup') }
  return [
    ...copies,
    may(backup, 'sts:AssumeRole', nativeRestoreRoleArn(config.vaultAccountId)),
    mayInProduction(backup, 'sts:AssumeRole', nativeBackupRoleArn(config.productionAccountId)),
    ...owners.map((owner) =>
      mayInProduction(owner, 'backup:DeleteBackupPlan', ownPlan, { circumstance: "a team's own plan" }),
    ),
  ]
}
