// The three weeks as a table: each day's red checks and events, and when each attack turned red.
import { noonTexts } from './calendar.ts'
import type { CalendarDay } from './calendar.ts'
import type { DayResult } from './weeks.ts'

type Row = Pick<DayResult, 'calendarDay' | 'red' | 'failed' | 'deviations'>

export function renderTable(results: readonly Row[]): string {
  const rows = results.map(({ calendarDay: { day, noon }, red, failed, deviations }) => [
    String(day),
    redText(red),
    failed.map((command) => `\`${command}\``).join(', ') || '–',
    [noon === null ? '–' : noonTexts[noon], ...deviations.map((text) => `**${text}**`)].join(' '),
  ])
  return markdown(['Day', 'Red at 04:00', 'Failed commands', 'At noon'], rows)
}

/** Each run of red mornings: when it began, by which checks, and when it ended. */
export function renderAlarms(results: readonly Row[]): string {
  const rows: string[][] = []
  let event = ''
  let begin: Row | null = null
  for (const [index, result] of results.entries()) {
    const isRed = Object.keys(result.red).length > 0
    if (isRed && begin === null) {
      begin = result
      const next = results.slice(index).find(({ red }) => Object.keys(red).length === 0)
      const until = next === undefined ? 'still red at the end' : `day ${next.calendarDay.day}, 04:00`
      rows.push([event, `day ${result.calendarDay.day}, 04:00`, redText(result.red), until])
    }
    if (!isRed) begin = null
    const { day, noon } = result.calendarDay
    if (noon !== null) event = `Day ${day}, 12:00: ${firstSentence(noon)}`
  }
  return markdown(['What happened', 'First red', 'By', 'Green again'], rows)
}

function firstSentence(noon: NonNullable<CalendarDay['noon']>): string {
  return /^[^.]*\./.exec(noonTexts[noon])![0]
}

function redText(red: Row['red']): string {
  const texts = Object.entries(red).map(
    ([source, checks]) => `\`${source}\`: ${checks.map((check) => `\`${check}\``).join(', ')}`,
  )
  return texts.join('; ') || '–'
}

function markdown(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}
