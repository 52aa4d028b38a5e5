// Which steps of a process are worth dying at, and a process that dies there.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { KillOrder } from '../../fixtures/kill-at-step.ts'

export const preload = fileURLToPath(new URL('../../fixtures/kill-at-step.ts', import.meta.url))

export type Kill = NonNullable<KillOrder['kill']>

export function orderText(order: KillOrder): Record<string, string> {
  return { HOLDFAST_TEST_KILL: JSON.stringify(order) }
}

export function readSteps(log: string): string[] {
  return readFileSync(log, 'utf8').split('\n').slice(0, -1)
}

/**
 * `kills` of the steps that a run took: each name in turn, until there are enough; of each the first, the last, and what
 * lies evenly between them.
 */
export function planKills(steps: readonly string[], kills: number): Kill[] {
  const counts = new Map<string, number>()
  for (const step of steps) counts.set(step, (counts.get(step) ?? 0) + 1)
  const shares = new Map([...counts.keys()].map((step) => [step, 0]))
  const wanted = Math.min(kills, steps.length)
  for (let given = 0; given < wanted;) {
    for (const [step, share] of shares) {
      if (share >= counts.get(step)! || given === wanted) continue
      shares.set(step, share + 1)
      given++
    }
  }
  return [...shares].flatMap(([step, share]) =>
    Array.from({ length: share }, (_, index) => {
      const at = share === 1 ? 1 : 1 + Math.round((index * (counts.get(step)! - 1)) / (share - 1))
      return { step, at }
    }),
  )
}

/** Runs `work` for each of `items`, two at a time. */
export async function forEachOfTwo<Item>(
  items: readonly Item[],
  work: (item: Item, number: number) => Promise<void>,
): Promise<void> {
  const rest = items.entries()
  await Promise.all(
    [1, 2].map(async () => {
      for (const [number, item] of rest) await work(item, number)
    }),
  )
}

/** What was hit, for whoever reads the log of a run. */
export function reportKills(
  what: string,
  steps: readonly string[],
  killedAt: readonly string[],
  more: Record<string, number>,
): void {
  const counts = new Map<string, number>()
  for (const step of killedAt) counts.set(step, (counts.get(step) ?? 0) + 1)
  const kinds = [...counts]
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([step, times]) => `${step} ${times}`)
  const figures = Object.entries(more)
    .map(([name, figure]) => `, ${figure} ${name}`)
    .join('')
  process.stdout.write(
    `${what}: ${steps.length} steps, ${killedAt.length} kills at ${kinds.length} kinds of step${figures}\n  ${kinds.join(', ')}\n`,
  )
}
