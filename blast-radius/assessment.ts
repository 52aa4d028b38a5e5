// Assesses an identity's permissions: for each destructive action that it may do, whether a safeguard stands
// between the call and the loss.
import type { Loss } from '../guardrails/catalogue/judgement-rows.ts'
import { recoveries } from '../guardrails/recovery.ts'
import type { Recovery } from '../guardrails/recovery.ts'
import { destructiveEntries } from './destructive-actions.ts'
import type { DestructiveEntry } from './destructive-actions.ts'
import type { SafeguardReading, SafeguardReadings } from './live-safeguards.ts'
import type { Permission } from './permissions.ts'
import type { StatedSafeguards } from './stated-safeguards.ts'

/**
 * With a safeguard:
 * `refused`: the safeguard refuses the call. `recoverable`: the loss can be undone for a time.
 * Without one:
 * `not-known`: AWS offers one, but no file and no reading shows that it is set up. `absent`: we looked, and it isn't
 * set up. `taken-off`: the same identity can remove it. `none`: AWS offers none.
 */
export type SafeguardState = 'refused' | 'recoverable' | 'not-known' | 'absent' | 'taken-off' | 'none'

export interface Possibility {
  action: string
  loss: Loss
  lost: string
  /** The safeguard that AWS offers, in words. */
  safeguard: string | null
  state: SafeguardState
  /** AWS's own report on the safeguard, if we asked for it. */
  reading: SafeguardReading | null
  /**
   * Until when an action done now could be undone, milliseconds since the epoch; null: never, or without end.
   */
  recoverableUntilMs: number | null
  /** The permission that undoes the loss. */
  broughtBackBy: string | null
  /** Actions with which the same identity may remove the safeguard first. */
  takenOffBy: string[]
  resources: string[]
  /** Resources that the identity reaches only by assuming other roles, as far as they were simulated. */
  furtherResources: readonly string[]
  conditions: string[]
  /** ARNs of the roles to assume first; empty if the identity can do it directly. */
  through: readonly string[]
}

export interface Assessment {
  possible: Possibility[]
  /** Number of destructive actions that were decided, and how many of them are denied. */
  decided: number
  denied: number
}

const dayMs = 86_400_000

/**
 * @param permissions the decisions on `actionsToAsk()`; throws if one of the catalogue is missing.
 * @param safeguards those in place, already corrected by `readings`.
 */
export function assess(
  permissions: readonly Permission[],
  safeguards: StatedSafeguards,
  nowMs: number,
  readings: SafeguardReadings = new Map(),
): Assessment {
  const byAction = new Map(permissions.map((permission) => [permission.action, permission]))
  const isAllowed = (action: string): boolean => byAction.get(action)?.allowed === true
  const decisions = destructiveEntries().map((entry) => {
    const permission = byAction.get(entry.action)
    if (permission === undefined) throw new Error(`no decision on ${entry.action}`)
    return { entry, permission }
  })
  const possible = decisions
    .filter(({ permission }) => permission.allowed)
    .map(({ entry, permission }) => {
      const reading = readings.get(permission.action) ?? null
      return describe(
        { entry, permission, reading, inPlace: safeguards[permission.action] },
        isAllowed,
        nowMs,
      )
    })
  return { possible, decided: decisions.length, denied: decisions.length - possible.length }
}

/** True if no reliable safeguard stands between the call and the loss. */
export function lacksSafeguard({ state }: Possibility): boolean {
  return state !== 'refused' && state !== 'recoverable'
}

/** A destructive action that the identity may do, with all facts about its safeguard. */
interface AllowedAction {
  entry: DestructiveEntry
  permission: Permission
  reading: SafeguardReading | null
  inPlace: StatedSafeguards[string] | undefined
}

function describe(
  { entry, permission, reading, inPlace }: AllowedAction,
  isAllowed: (action: string) => boolean,
  nowMs: number,
): Possibility {
  const { action } = permission
  const recovery = Object.hasOwn(recoveries, entry.recoveryOf) ? recoveries[entry.recoveryOf]! : null
  const takenOffBy =
    recovery === null || inPlace?.locked === true
      ? []
      : recovery.takenOffBy.filter((remover) => remover !== action && isAllowed(remover))
  const state =
    reading?.state === 'absent' && recovery !== null
      ? 'absent'
      : stateOf(recovery, inPlace !== undefined, takenOffBy)
  const days = inPlace?.days ?? recovery?.days?.[0] ?? null
  return {
    action,
    loss: entry.loss,
    lost: entry.lost,
    safeguard: entry.safeguard,
    state,
    reading,
    recoverableUntilMs: state === 'recoverable' && days !== null ? nowMs + days * dayMs : null,
    broughtBackBy: recovery?.broughtBackBy ?? null,
    takenOffBy,
    resources: permission.resources,
    furtherResources: permission.furtherResources ?? [],
    conditions: permission.conditions,
    through: permission.through ?? [],
  }
}

function stateOf(recovery: Recovery | null, isInPlace: boolean, takenOffBy: string[]): SafeguardState {
  if (recovery === null) return 'none'
  if (takenOffBy.length > 0) return 'taken-off'
  if (recovery.presence === 'set-up' && !isInPlace) return 'not-known'
  return recovery.effect === 'refuses' ? 'refused' : 'recoverable'
}
