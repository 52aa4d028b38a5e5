// Sums of measures, and their ratios.
import { measure } from './measures.ts'
import type { Measures } from './measures.ts'

export function total(files: readonly Measures[]): Measures {
  const sum = measure('', '')
  sum.lines = 0
  for (const measures of files) {
    for (const [name, value] of Object.entries(measures) as [keyof Measures, number | string[]][]) {
      const before: number | string[] = sum[name]
      Object.assign(sum, {
        [name]: typeof value === 'number' ? (before as number) + value : [...(before as string[]), ...value],
      })
    }
  }
  return sum
}

/** With two digits. */
export function percent(part: number, whole: number): number {
  return ratio(part, whole, 100)
}

/** With two digits. */
export function perThousand(part: number, whole: number): number {
  return ratio(part, whole, 1000)
}

function ratio(part: number, whole: number, base: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * base * 100) / 100
}
