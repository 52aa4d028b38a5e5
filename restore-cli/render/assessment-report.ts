// A blast radius, as text and as a record.
import { lacksSafeguard } from '../../blast-radius/assessment.ts'
import type { Assessment, Possibility } from '../../blast-radius/assessment.ts'
import type { SafeguardReading } from '../../blast-radius/live-safeguards.ts'
import type { PermissionSource } from '../../blast-radius/permissions.ts'
import { timeText } from '../../core/time-text.ts'
import { countOf, countText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

const maxResources = 3
/** Actions of one kind of loss that the text describes. The main catalogue has fewer of each. */
const maxDescribed = 30

export function assessmentRecord(source: PermissionSource, assessment: Assessment): Record<string, unknown> {
  return {
    subject: source.subject,
    basis: source.basis,
    caveats: source.caveats,
    asked: assessment.decided,
    denied: assessment.denied,
    unbraked: assessment.possible.filter(lacksSafeguard).length,
    possible: assessment.possible.map((possibility) => {
      const { recoverableUntilMs, safeguard, ...fields } = possibility
      return {
        ...fields,
        brake: safeguard,
        unbraked: lacksSafeguard(possibility),
        recoverableUntil: recoverableUntilMs === null ? null : timeText(recoverableUntilMs),
      }
    }),
  }
}

export function renderAssessment(
  source: PermissionSource,
  { possible, decided, denied }: Assessment,
): string {
  const head = `Blast radius of ${terminalText(source.subject)} (by ${source.basis}):\n`
  const sum = `${countOf(denied, 'destructive action')} of ${countText(decided)} denied, ${countText(possible.length)} possible, ${countText(possible.filter(lacksSafeguard).length)} without a safeguard.\n`
  const caveats = source.caveats.map((caveat) => `  Not decided: ${caveat}.\n`).join('')
  if (possible.length === 0) return `${head}${sum}${caveats}`
  const losses = [...new Set(possible.map(({ loss }) => loss))]
  const sections = losses.map((loss) => {
    const section = possible.filter((possibility) => possibility.loss === loss)
    const lines = section.slice(0, maxDescribed).map(renderPossibility)
    return `\n${titles[loss]}\n${lines.join('')}${renderCounts(section.slice(maxDescribed))}`
  })
  return `${head}${sections.join('')}\n${sum}${caveats}`
}

const titles: Record<Possibility['loss'], string> = {
  data: 'DATA',
  protection: 'PROTECTION',
  readability: 'READABILITY',
  evidence: 'EVIDENCE',
  identity: 'IDENTITY',
  execution: 'EXECUTION',
}

/** One line for each service, because a wide policy allows thousands of actions. */
function renderCounts(possible: readonly Possibility[]): string {
  const byService = Map.groupBy(possible, ({ action }) => action.slice(0, action.indexOf(':')))
  return [...byService]
    .map(([service, list]) => {
      const mark = list.some(lacksSafeguard) ? '!' : ' '
      const names = list.slice(0, maxResources).map(({ action }) => action.slice(service.length + 1))
      const unlisted = list.length > maxResources ? ' … (--json names each)' : ''
      return `  ${mark} ${service}: ${countText(list.length)} more, ${names.join(', ')}${unlisted}\n`
    })
    .join('')
}

function renderPossibility(possibility: Possibility): string {
  const { action, lost, resources, furtherResources, conditions, through, reading } = possibility
  const lines = [
    `  ${lacksSafeguard(possibility) ? '!' : ' '} ${action}: ${lost}`,
    ...(resources.length === 1 && resources[0] === '*' ? [] : [`      on ${resourceList(resources)}`]),
    ...(through.length === 0
      ? []
      : [
          `      through ${through.map((arn) => terminalText(arn.slice(arn.indexOf(':role/') + 1))).join(', then ')}`,
        ]),
    ...(furtherResources.length === 0
      ? []
      : [`      through roles that it may assume also on ${resourceList(furtherResources)}`]),
    ...conditions.map((condition) => `      if ${terminalText(condition)}`),
    `      ${safeguardText(possibility)}`,
    ...(reading === null ? [] : [`      ${readingTexts[reading.state]}: ${terminalText(reading.detail)}`]),
  ]
  return `${lines.join('\n')}\n`
}

function resourceList(resources: readonly string[]): string {
  const unlisted = resources.length > maxResources ? ` and ${resources.length - maxResources} more` : ''
  return `${resources.slice(0, maxResources).map(terminalText).join(', ')}${unlisted}`
}

const readingTexts: Record<SafeguardReading['state'], string> = {
  seen: 'safeguard seen',
  absent: 'safeguard absent',
  unread: 'safeguard could not be read',
}

function safeguardText(possibility: Possibility): string {
  const { state, recoverableUntilMs, broughtBackBy, takenOffBy } = possibility
  const safeguard = possibility.safeguard ?? 'its safeguard'
  const by = broughtBackBy === null ? '' : `, by a principal that may ${broughtBackBy}`
  switch (state) {
    case 'none':
      return possibility.safeguard === null
        ? 'not recoverable: no safeguard'
        : `not known to be recoverable: ${possibility.safeguard} may limit it`
    case 'taken-off':
      return `no safeguard: the same identity can remove it with ${takenOffBy.join(', ')}: ${safeguard}`
    case 'not-known':
      return `no safeguard as far as is known: ${safeguard} would be one, if it is in place (--brakes)`
    case 'absent':
      return `no safeguard: ${safeguard} is not in place`
    case 'refused':
      return `refused by ${safeguard}`
    case 'recoverable':
      return recoverableUntilMs === null
        ? `recoverable: ${safeguard}${by}`
        : `recoverable until ${timeText(recoverableUntilMs)} if done now: ${safeguard}${by}`
  }
}
