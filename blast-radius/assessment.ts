// What an identity's permissions amount to: for each destructive action that it may do, whether anything stands between the
// call and the loss.
import { catalogue } from '../guardrails/catalogue.ts'
import type { DestructiveAction } from '../guardrails/catalogue.ts'
import { actionFamilies, recoveries } from '../guardrails/recovery.ts'
import type { Recovery } from '../guardrails/recovery.ts'
import type { BrakesInPlace } from './safeguards-in-place.ts'
import type { BrakeReading, BrakeReadings } from './live-safeguards.ts'
import type { Permission } from './permissions.ts'

/**
 * `refused`: the brake refuses the call. `recoverable`: what was lost can be brought back for a time. The others are not
 * braked: `not-known` has a brake on AWS that nobody said is in place, `absent` one that was looked for in vain, `taken-off` one
 * that the same identity can remove.
 */
export type BrakeState = 'refused' | 'recoverable' | 'not-known' | 'absent' | 'taken-off' | 'none'

export interface Possibility {
  action: string
  loss: DestructiveAction['loss']
  lost: string
  brake: string | null
  state: BrakeState
  /** What AWS said of the brake, if it was asked. */
  reading: BrakeReading | null
  /** Until when it could be brought back if it were done now, milliseconds since the epoch; null: not at all, or without end. */
  recoverableUntilMs: number | null
  /** The right by which it is brought back: whoever has it. */
  broughtBackBy: string | null
  /** What the same identity may do to take the brake off first. */
  takenOffBy: string[]
  resources: string[]
  /** What else it is possible on once other roles are assumed, as far as it was asked for. */
  furtherResources: readonly string[]
  conditions: string[]
  /** ARNs of the roles to be assumed first; empty if it can be done at once. */
  through: readonly string[]
}

export interface Assessment {
  possible: Possibility[]
  /** Destructive actions that were asked about, and how many of them are not allowed. */
  asked: number
  denied: number
}

const dayMs = 86_400_000

/** Every destructive action by its own name: families of the catalogue as their members. */
export function actionsToAsk(): string[] {
  return [
    ...new Set([...catalogue.flatMap(({ action }) => actionFamilies[action] ?? [action]), ...helpers()]),
  ].sort()
}

// Not all that takes a brake off is itself destructive.
function helpers(): string[] {
  return Object.values(recoveries).flatMap(({ takenOffBy }) => takenOffBy)
}

/**
 * @param permissions the answers to `actionsToAsk()`; throws if one of the catalogue is missing.
 * @param brakes what is in place, `readings` taken into account
 */
export function assess(
  permissions: readonly Permission[],
  brakes: BrakesInPlace,
  nowMs: number,
  readings: BrakeReadings = new Map(),
): Assessment {
  const byAction = new Map(permissions.map((permission) => [permission.action, permission]))
  const rows = catalogue.flatMap((entry) =>
    (actionFamilies[entry.action] ?? [entry.action]).map((action) => ({ entry, action })),
  )
  const asked = rows.map(({ entry, action }) => {
    const permission = byAction.get(action)
    if (permission === undefined) throw new Error(`no answer about ${action}`)
    return { entry, permission }
  })
  const possible = asked
    .filter(({ permission }) => permission.allowed)
    .map(({ entry, permission }) =>
      describe(entry, permission, byAction, brakes, nowMs, readings.get(permission.action) ?? null),
    )
  return { possible, asked: asked.length, denied: asked.length - possible.length }
}

/** True if nothing that can be relied on stands between the call and the loss. */
export function isUnbraked({ state }: Possibility): boolean {
  return state !== 'refused' && state !== 'recoverable'
}

function describe(
  entry: DestructiveAction,
  permission: Permission,
  all: Map<string, Permission>,
  brakes: BrakesInPlace,
  nowMs: number,
  reading: BrakeReading | null,
): Possibility {
  const { action } = permission
  const recovery = Object.hasOwn(recoveries, entry.action) ? recoveries[entry.action]! : null
  const inPlace = brakes[action]
  const takenOffBy =
    recovery === null || inPlace?.locked === true
      ? []
      : recovery.takenOffBy.filter((each) => each !== action && all.get(each)?.allowed === true)
  const state =
    reading?.state === 'absent' && recovery !== null
      ? 'absent'
      : stateOf(recovery, inPlace !== undefined, takenOffBy)
  const days = inPlace?.days ?? recovery?.days?.[0] ?? null
  return {
    action,
    loss: entry.loss,
    lost: entry.lost,
    brake: entry.brake,
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

function stateOf(recovery: Recovery | null, isSaidToBeInPlace: boolean, takenOffBy: string[]): BrakeState {
  if (recovery === null) return 'none'
  if (takenOffBy.length > 0) return 'taken-off'
  if (recovery.presence === 'set-up' && !isSaidToBeInPlace) return 'not-known'
  return recovery.effect === 'refuses' ? 'refused' : 'recoverable'
}
