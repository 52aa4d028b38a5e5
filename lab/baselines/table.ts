// Runs the trials of many seeds, and draws their table.
import { attacks } from './attacks.ts'
import { runTrial, trialDays } from './trial.ts'
import type { Detection } from './trial.ts'
import { workloads } from './workloads.ts'

export interface BaselineResults {
  firstSeed: number
  seeds: number
  attacks: AttackRow[]
  quiet: QuietRow[]
}

interface AttackRow {
  workload: string
  attack: string
  /** One for each seed; null: the attack was missed. */
  detections: (Detection | null)[]
}

interface QuietRow {
  workload: string
  /** One count for each seed. */
  falseAlarms: number[]
}

export function measureBaselines(firstSeed: number, seeds: number): BaselineResults {
  const allSeeds = Array.from({ length: seeds }, (_, index) => firstSeed + index)
  return {
    firstSeed,
    seeds,
    attacks: workloads.flatMap((workload) =>
      attacks.map((attack) => ({
        workload: workload.name,
        attack: attack.name,
        detections: allSeeds.map((seed) => runTrial({ workload, attack, seed }).detection),
      })),
    ),
    quiet: workloads.map((workload) => ({
      workload: workload.name,
      falseAlarms: allSeeds.map((seed) => runTrial({ workload, attack: null, seed }).falseAlarms),
    })),
  }
}

/** True if every attack was detected, and a source had at most one false alarm a quarter on average. */
export function isAsRequired({ attacks: rows, quiet }: BaselineResults): boolean {
  return (
    rows.every(({ detections }) => !detections.includes(null)) &&
    quiet.every(({ falseAlarms }) => sumOf(falseAlarms) <= falseAlarms.length)
  )
}

export function renderTable({ firstSeed, seeds, attacks: rows, quiet }: BaselineResults): string {
  return [
    `${seeds} seeds from ${firstSeed} on, ${trialDays} days each, one snapshot a day:`,
    '',
    '| Workload | Attack | Detected within 3 snapshots | With the first, second, third | Rules that fired first |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(({ workload, attack, detections }) => {
      const hits = detections.filter((detection) => detection !== null)
      const bySnapshot = [1, 2, 3].map((number) => hits.filter(({ snapshot }) => snapshot === number).length)
      return `| ${workload} | ${attack} | ${hits.length} of ${seeds} | ${bySnapshot.join(', ')} | ${rulesText(hits)} |`
    }),
    '',
    'Without an attack, in a quarter of one source:',
    '',
    '| Workload | False alarms of all seeds | Mean of a seed | Seeds with more than one |',
    '| --- | --- | --- | --- |',
    ...quiet.map(({ workload, falseAlarms }) => {
      const sum = sumOf(falseAlarms)
      const many = falseAlarms.filter((count) => count > 1).length
      return `| ${workload} | ${sum} | ${(sum / seeds).toFixed(2)} | ${many} of ${seeds} |`
    }),
  ].join('\n')
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** The most frequent comes first. */
function rulesText(hits: readonly Detection[]): string {
  const byRule = Map.groupBy(
    hits.flatMap(({ rules }) => rules),
    (rule) => rule,
  )
  return [...byRule]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([rule]) => `\`${rule}\``)
    .join(', ')
}
