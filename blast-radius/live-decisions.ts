// IAM's decisions on many actions, in a bounded number of calls.
import type { SimulatedDecision } from '../aws/identity-service.ts'
import { isHoldfastError } from '../core/errors.ts'
import { serviceOf } from './statements.ts'

/** The results of a call come in pages, and each page takes seconds. */
const actionsPerCall = 25
/** Calls for one role. A wide policy allows thousands of actions, and IAM needs seconds for a call. */
export const maxCalls = 60

/** IAM's decisions on an action, one for each resource; a text says why there are none. */
export type LiveDecisions = readonly SimulatedDecision[] | string

/**
 * @param actions the most important ones first, because calls are bounded
 * @param simulate asks IAM about actions of one service
 */
export async function decideInGroups(
  actions: readonly string[],
  simulate: (group: readonly string[]) => Promise<readonly SimulatedDecision[]>,
): Promise<ReadonlyMap<string, LiveDecisions>> {
  const decisions = new Map<string, LiveDecisions>()
  const queue = groupByService(actions)
  let calls = 0
  for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
    if (calls === maxCalls) {
      for (const action of group) decisions.set(action, `IAM was not asked, after ${maxCalls} calls`)
      continue
    }
    calls++
    const results = await unlessRefused(() => simulate(group))
    if (results === null && group.length > 1) {
      // IAM refuses a whole call for one action that it doesn't know.
      const half = Math.ceil(group.length / 2)
      queue.unshift(group.slice(0, half), group.slice(half))
      continue
    }
    for (const action of group) {
      const ofAction = results?.filter((decision) => decision.action.toLowerCase() === action.toLowerCase())
      decisions.set(action, ofAction ?? 'IAM refused the question')
    }
  }
  return decisions
}

async function unlessRefused<Result>(ask: () => Promise<Result>): Promise<Result | null> {
  try {
    return await ask()
  } catch (error) {
    if (isHoldfastError(error, 'invalid-input')) return null
    throw error
  }
}

/** The first group of every service, then the second ones, and so on. */
function groupByService(actions: readonly string[]): string[][] {
  const services = Map.groupBy(actions, serviceOf)
  const groups: { round: number; actions: string[] }[] = []
  for (const list of services.values())
    for (let round = 0; round * actionsPerCall < list.length; round++)
      groups.push({ round, actions: list.slice(round * actionsPerCall, (round + 1) * actionsPerCall) })
  return groups.sort((a, b) => a.round - b.round).map((group) => group.actions)
}
