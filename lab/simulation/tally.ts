// Counts how often each operation, fault and check happened. A fault that never happened proves nothing.

const groups = ['operation', 'fault', 'check'] as const
type Group = (typeof groups)[number]

export type Counts = Record<Group, Record<string, number>>

export class Tally {
  readonly counts: Counts = { operation: {}, fault: {}, check: {} }

  /** @param names all names of operations and faults, so that the table shows a zero. */
  constructor(names: { operation: readonly string[]; fault: readonly string[] }) {
    for (const group of ['operation', 'fault'] as const)
      for (const name of names[group]) this.counts[group][name] = 0
  }

  count(group: Group, name: string, times = 1): void {
    this.counts[group][name] = (this.counts[group][name] ?? 0) + times
  }

  add(counts: Counts): void {
    for (const group of groups)
      for (const [name, times] of Object.entries(counts[group])) this.count(group, name, times)
  }

  /** Operations and faults that happened fewer than `minTimes` times. */
  rare(minTimes: number): string[] {
    return (['operation', 'fault'] as const).flatMap((group) =>
      Object.entries(this.counts[group])
        .filter(([, times]) => times < minTimes)
        .map(([name, times]) => `${group} ${name}: ${times}`),
    )
  }

  /** A table for a terminal. */
  render(): string {
    return groups
      .flatMap((group) => [
        `${group.padEnd(32)}${'times'.padStart(10)}`,
        ...Object.entries(this.counts[group]).map(
          ([name, times]) => `  ${name.padEnd(30)}${String(times).padStart(10)}`,
        ),
      ])
      .join('\n')
  }
}
