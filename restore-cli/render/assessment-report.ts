// A blast radius: as a table, and as a record.
import { isUnbraked } from '../../blast-radius/assessment.ts'
import type { Assessment, Possibility } from '../../blast-radius/assessment.ts'
import type { BrakeReading } from '../../blast-radius/live-safeguards.ts'
import type { PermissionSource } from '../../blast-radius/permissions.ts'
import { countOf, timeText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

const mostResources = 3

export function assessmentRecord(source: PermissionSource, assessment: Assessment): Record<string, unknown> {
  return {
    subject: source.subject,
    basis: source.basis,
    caveats: source.caveats,
    asked: assessment.asked,
    denied: assessment.denied,
    unbraked: assessment.possible.filter(isUnbraked).length,
    possible: assessment.possible.map(({ recoverableUntilMs, ...possibility }) => ({
      ...possibility,
      unbraked: isUnbraked(possibility as Possibility),
      recoverableUntil: recoverableUntilMs === null ? null : timeText(recoverableUntilMs),
    })),
  }
}

export function renderAssessment(source: PermissionSource, { possible, asked, denied }: Assessment): string {
  const head = `Blast radius of ${terminalText(source.subject)} (by ${source.basis}):\n`
  const sum = `${countOf(denied, 'destructive action')} of ${asked} denied, ${possible.length} possible, ${possible.filter(isUnbraked).length} without a brake.\n`
  const caveats = source.caveats.map((caveat) => `  Not decided here: ${caveat}.\n`).join('')
  if (possible.length === 0) return `${head}${sum}${caveats}`
  const losses = [...new Set(possible.map(({ loss }) => loss))]
  const sections = losses.map((loss) => {
    const rows = possible.filter((each) => each.loss === loss)
    return `\n${titles[loss]}\n${rows.map(renderPossibility).join('')}`
  })
  return `${head}${sections.join('')}\n${sum}${caveats}`
}

const titles: Record<Possibility['loss'], string> = {
  data: 'DATA',
  protection: 'PROTECTION',
  readability: 'READABILITY',
  evidence: 'EVIDENCE',
  identity: 'IDENTITY',
}

function renderPossibility(possibility: Possibility): string {
  const { action, lost, resources, furtherResources, conditions, through, reading } = possibility
  const lines = [
    `  ${isUnbraked(possibility) ? '!' : ' '} ${action}: ${lost}`,
    ...(resources.length === 1 && resources[0] === '*' ? [] : [`      on ${listed(resources)}`]),
    ...(through.length === 0
      ? []
      : [
          `      through ${through.map((arn) => terminalText(arn.slice(arn.indexOf(':role/') + 1))).join(', then ')}`,
        ]),
    ...(furtherResources.length === 0
      ? []
      : [`      through roles that it may assume also on ${listed(furtherResources)}`]),
    ...conditions.map((condition) => `      if ${terminalText(condition)}`),
    `      ${brakeText(possibility)}`,
    ...(reading === null ? [] : [`      ${readingTexts[reading.state]}: ${terminalText(reading.detail)}`]),
  ]
  return `${lines.join('\n')}\n`
}

function listed(resources: readonly string[]): string {
  const more = resources.length > mostResources ? ` and ${resources.length - mostResources} more` : ''
  return `${resources.slice(0, mostResources).map(terminalText).join(', ')}${more}`
}

const readingTexts: Record<BrakeReading['state'], string> = {
  seen: 'brake seen',
  absent: 'brake absent',
  unread: 'brake could not be read',
}

function brakeText({ state, brake, recoverableUntilMs, broughtBackBy, takenOffBy }: Possibility): string {
  const by = broughtBackBy === null ? '' : `, by whoever may ${broughtBackBy}`
  switch (state) {
    case 'none':
      return 'not recoverable: no brake'
    case 'taken-off':
      return `not braked: ${brake ?? 'its brake'} can be taken off by the same hand (${takenOffBy.join(', ')})`
    case 'not-known':
      return `not braked as far as is known: ${brake ?? 'its brake'} would, if it is in place (--brakes)`
    case 'absent':
      return `not braked: ${brake ?? 'its brake'} is not in place`
    case 'refused':
      return `refused by ${brake ?? 'its brake'}`
    case 'recoverable':
      return recoverableUntilMs === null
        ? `recoverable: ${brake ?? 'its brake'}${by}`
        : `recoverable until ${timeText(recoverableUntilMs)} if done now: ${brake ?? 'its brake'}${by}`
  }
}
