// The steps of a process that are worth dying at, and a process that dies there.
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
 * `kills` of the steps that a run took: each name in turn, until there are enough; of each the first, the last, and
 * what lies evenly between them.
 */
export function planKills(steps: readonly string[], kills: number): Kill[] {
  const counts = new Map<string, number>()
  for (const step of steps) counts.set(step, (counts.get(step) ?? 0) + 1)
  const shares = new Map([...counts.keys()].map((step) => [step, 0]))
  const total = Math.min(kills, steps.length)
  for (let assigned = 0; assigned < total;) {
    for (const [step, share] of shares) {
      if (share >= counts.get(step)! || assigned === total) continue
      shares.set(step, share + 1)
      assigned++
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
  const entries = items.entries()
  await Promise.all(
    [1, 2].map(async () => {
      for (const [number, item] of entries) await work(item, number)
    }),
  )
}

/** Prints the steps that were hit to the log of a run. */
export function reportKills(
  title: string,
  steps: readonly string[],
  killedAt: readonly string[],
  furtherFigures: Record<string, number>,
): void {
  const counts = new Map<string, number>()
  for (const step of killedAt) counts.set(step, (counts.get(step) ?? 0) + 1)
  const kinds = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([step, times]) => `${step} ${times}`)
  const figures = Object.entries(furtherFigures)
    .map(([name, figure]) => `, ${figure} ${name}`)
    .join('')
  process.stdout.write(
    `${title}: ${steps.length} steps, ${killedAt.length} kills at ${kinds.length} kinds of step${figures}\n  ${kinds.join(', ')}\n`,
  )
}
