// No deletion is final at once where AWS can delay it: what nobody in production may do to the delays, and what has none.
import { catalogue } from './catalogue.ts'
import type { Condition, Statement } from './policy.ts'

/** AWS's longest waiting time of keys and secrets, and the default of both. */
const pendingWindowDays = 30

/** Locked rules can't be changed by anyone until the delay is over; this keeps the unlocking itself from beginning. */
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
  /** What this layer has put in force, whoever deletes. */
  inForce: Record<string, string>
  /** What AWS can hold back, but only where each resource says so: the layer doesn't own these. */
  onEachResource: Record<string, string>
  /** Gone at once: only the deny stands before it, and the vault behind it. */
  none: string[]
}

/** As `holdfast blast-radius --brakes` reads it: what is in place against an action, on everything that it could hit. */
export type SafeguardsInForce = Record<string, { days?: number; locked?: true }>

/**
 * @param isEnforced whether the organization holds everyone to the longest waiting times; without, only break-glass is, and an
 * owner may choose the shortest.
 */
export function safeguardsInForce(
  { volumes, snapshots }: RecycleDays,
  isEnforced: boolean,
): SafeguardsInForce {
  return {
    'ec2:DeleteVolume': { days: volumes, locked: true },
    'ec2:DeleteSnapshot': { days: snapshots, locked: true },
    'ec2:DeregisterImage': { days: snapshots, locked: true },
    'rbin:DeleteRule': {},
    'rbin:UpdateRule': {},
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

/** Of each action of the catalogue that loses data or readability. */
export function describeDelays({ volumes, snapshots }: RecycleDays): DelayReport {
  const inForce: Record<string, string> = {
    'ec2:DeleteVolume': `Recycle Bin, ${volumes} days`,
    'ec2:DeleteSnapshot': `Recycle Bin, ${snapshots} days`,
    'ec2:DeregisterImage': `Recycle Bin, ${snapshots} days`,
    'kms:ScheduleKeyDeletion': `pending for ${pendingWindowDays} days (but unusable at once)`,
    'secretsmanager:DeleteSecret': `pending for ${pendingWindowDays} days`,
  }
  const otherActions = catalogue.filter(
    ({ action, loss }) => (loss === 'data' || loss === 'readability') && inForce[action] === undefined,
  )
  return {
    inForce,
    onEachResource: Object.fromEntries(
      otherActions.flatMap(({ action, brake }) => (brake === null ? [] : [[action, brake]])),
    ),
    none: otherActions
      .filter(({ brake }) => brake === null)
      .map(({ action }) => action)
      .sort(),
  }
}
