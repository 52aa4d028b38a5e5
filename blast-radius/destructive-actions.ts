// Every destructive action by its own name: the main catalogue with the members of its families, and all that
// the judgements of the examined services call destructive.
import { catalogue } from '../guardrails/catalogue.ts'
import { judgeKnown, knownActionsOf } from '../guardrails/catalogue/known-names.ts'
import { examinedServices } from '../guardrails/catalogue/judgements.ts'
import type { Loss, Tier } from '../guardrails/catalogue/judgement-rows.ts'
import { actionFamilies, recoveries } from '../guardrails/recovery.ts'

export interface DestructiveEntry {
  action: string
  /** The key of `recoveries` that describes the worth of the safeguard: a family's name, or the action's own. */
  recoveryOf: string
  loss: Loss
  lost: string
  safeguard: string | null
}

/** Those of the main catalogue, then tier 1, then tier 2: a source that can't decide on all begins with the worst. */
export function destructiveEntries(): readonly DestructiveEntry[] {
  return (entries ??= listEntries())
}

let entries: readonly DestructiveEntry[] | undefined

function listEntries(): readonly DestructiveEntry[] {
  const main = catalogue.flatMap(({ action: recoveryOf, loss, lost, safeguard }) =>
    (actionFamilies[recoveryOf] ?? [recoveryOf]).map((action) => ({
      action,
      recoveryOf,
      loss,
      lost,
      safeguard,
    })),
  )
  const listed = new Set(main.map(({ action }) => action.toLowerCase()))
  const actions = examinedServices
    .flatMap(knownActionsOf)
    .filter((action) => !listed.has(action.toLowerCase()))
  const judged = (tier: Tier) =>
    actions.flatMap((action): DestructiveEntry[] => {
      const judgement = judgeKnown(action)
      if (judgement.verdict !== 'destructive' || judgement.tier !== tier) return []
      const { loss, lost, safeguard } = judgement
      return [{ action, recoveryOf: action, loss, lost, safeguard }]
    })
  return [...main, ...judged(1), ...judged(2)]
}

/** The destructive actions, in the order of `destructiveEntries()`, and then the actions that remove safeguards. */
export function actionsToAsk(): string[] {
  const removing = Object.values(recoveries).flatMap(({ takenOffBy }) => takenOffBy)
  return [...new Set([...destructiveEntries().map(({ action }) => action), ...removing])]
}
