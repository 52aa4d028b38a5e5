// Rules that left something out of a snapshot, as text.
import { countOf, countText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

/** The text shows this many; the record has all. */
const maxShown = 10

export function leftOutText(rules: readonly { rule: string; count: number }[]): string {
  const total = rules.reduce((sum, { count }) => sum + count, 0)
  const shown = listText(rules.map(({ rule, count }) => `${countText(count)} by ${terminalText(rule)}`))
  return `${countOf(total, 'entry', 'entries')}, with what lies below: ${shown}`
}

export function listText(items: readonly string[]): string {
  const more = items.length - maxShown
  return items.slice(0, maxShown).join(', ') + (more > 0 ? ` and ${countText(more)} more` : '')
}
