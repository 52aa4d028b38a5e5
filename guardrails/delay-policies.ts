// Delayed deletion in production: the denies that keep AWS's waiting times in force, and the list of actions
// without one.
import { catalogue } from './catalogue.ts'
import type { Condition, Statement } from './policy.ts'

/** AWS's maximum waiting time for keys and secrets, which is also the default. */
const pendingWindowDays = 30

/** A key that was used in these last days can't be disabled, and its deletion can't be scheduled. */
const keyInUseDays = 30

/**
 * AWS already rejects changes of a locked Recycle Bin rule until the unlock delay ends. The deny also stops a
 * caller from starting it.
 */
export function delayStatements(accountId: string, thaw: { Condition?: Condition } = {}): Statement[] {
  return [
    {
      Sid: 'KeepRecycleBin',
      Effect: 'Deny',
      Action: ['rbin:DeleteRule', 'rbin:UnlockRule', 'rbin:UpdateRule'],
      Resource: [`arn:aws:rbin:*:${accountId}:rule/*`],
      ...thaw,
    },
    {
      Sid: 'KeepKeyWindow',
      Effect: 'Deny',
      Action: ['kms:ScheduleKeyDeletion'],
      Resource: ['*'],
      Condition: {
        NumericLessThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': String(pendingWindowDays) },
      },
    },
    {
      Sid: 'KeepKeysInUse',
      Effect: 'Deny',
      // Disabling a key takes effect at once, and AWS has no waiting time for it.
      Action: ['kms:DisableKey', 'kms:ScheduleKeyDeletion'],
      Resource: ['*'],
      Condition: { NumericLessThan: { 'kms:TrailingDaysWithoutKeyUsage': String(keyInUseDays) } },
    },
    {
      Sid: 'KeepSecretWindow',
      Effect: 'Deny',
      Action: ['secretsmanager:DeleteSecret'],
      Resource: ['*'],
      Condition: { NumericLessThan: { 'secretsmanager:RecoveryWindowInDays': String(pendingWindowDays) } },
    },
    {
      Sid: 'DenyForcedSecretDeletion',
      Effect: 'Deny',
      Action: ['secretsmanager:DeleteSecret'],
      Resource: ['*'],
      Condition: { Bool: { 'secretsmanager:ForceDeleteWithoutRecovery': 'true' } },
    },
  ]
}

export interface DelayReport {
  /** Delays that this layer enforces for every caller, by action. */
  inForce: Record<string, string>
  /** Safeguards that each resource has to enable, because this layer doesn't own the resource. */
  onEachResource: Record<string, string>
  /**
   * Actions that AWS can't delay. Only the deny protects production, and only the vault brings the data back.
   */
  none: string[]
}

/**
 * The input of `holdfast blast-radius --brakes`: for each action, the safeguard that covers every resource it
 * could destroy.
 */
export type SafeguardsInForce = Record<string, { days?: number; locked?: true }>

export interface DelayEnforcement {
  /**
   * Whether a control policy enforces the maximum waiting times and the rules of the Recycle Bin on every principal.
   * Without an Organization only break-glass has to keep them, and an account owner may choose the minimum.
   */
  isEnforced: boolean
  /** Whether AWS reports every rule of the Recycle Bin as locked. */
  areRulesLocked: boolean
}

export function safeguardsInForce(
  { volumes, snapshots }: RecycleDays,
  { isEnforced, areRulesLocked }: DelayEnforcement,
): SafeguardsInForce {
  const stays: { locked?: true } = isEnforced || areRulesLocked ? { locked: true } : {}
  return {
    'ec2:DeleteVolume': { days: volumes, ...stays },
    'ec2:DeleteSnapshot': { days: snapshots, ...stays },
    'ec2:DeregisterImage': { days: snapshots, ...stays },
    ...(stays.locked === true ? { 'rbin:DeleteRule': {}, 'rbin:UpdateRule': {} } : {}),
    ...(isEnforced
      ? {
          'kms:ScheduleKeyDeletion': { days: pendingWindowDays },
          'secretsmanager:DeleteSecret': { days: pendingWindowDays },
        }
      : {}),
  }
}

export interface RecycleDays {
  volumes: number
  snapshots: number
}

/** Sorts the catalogue's actions that destroy data or make it unreadable by the delay that covers them. */
export function describeDelays({ volumes, snapshots }: RecycleDays): DelayReport {
  const inForce: Record<string, string> = {
    'ec2:DeleteVolume': `Recycle Bin, ${volumes} days`,
    'ec2:DeleteSnapshot': `Recycle Bin, ${snapshots} days`,
    'ec2:DeregisterImage': `Recycle Bin, ${snapshots} days`,
    'kms:DisableKey': `refused for a key that was used in the last ${keyInUseDays} days`,
    'kms:ScheduleKeyDeletion': `refused for a key that was used in the last ${keyInUseDays} days; else pending for ${pendingWindowDays} days (but unusable at once)`,
    'secretsmanager:DeleteSecret': `pending for ${pendingWindowDays} days`,
  }
  const otherActions = catalogue.filter(
    ({ action, loss }) => (loss === 'data' || loss === 'readability') && inForce[action] === undefined,
  )
  return {
    inForce,
    onEachResource: Object.fromEntries(
      otherActions.flatMap(({ action, safeguard }) => (safeguard === null ? [] : [[action, safeguard]])),
    ),
    none: otherActions
      .filter(({ safeguard }) => safeguard === null)
      .map(({ action }) => action)
      .sort(),
  }
}
