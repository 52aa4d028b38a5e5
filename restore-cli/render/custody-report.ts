// A custodian's plan and deed, as text and as records.
import type {
  Confirmation,
  CustodyPlan,
  Figures,
  LastGood,
  SourcePlan,
} from '../../checks/custodian/custody-plan.ts'
import type { DeedResult } from '../../checks/custodian/deed.ts'
import { listText } from '../../core/list-text.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf } from './figures.ts'
import { terminalText } from './terminal-text.ts'

const maxListed = 5

export function sourceRecord(source: SourcePlan): Record<string, unknown> {
  const { name, lastGood, doubtful, extensions, prunes, ...plan } = source
  return {
    ...plan,
    source: name,
    lastGood: lastGood && keptRecord(lastGood),
    doubtful: doubtful && keptRecord(doubtful),
    extensions: figuresOf(extensions),
    prunes: figuresOf(prunes),
  }
}

function keptRecord({ id, timeMs, confirmation }: LastGood): Record<string, unknown> {
  return { id, time: timeText(timeMs), confirmation }
}

/** `ok`: nothing needs a human. */
export function custodyRecord(
  { nowMs, sources }: CustodyPlan,
  deed: DeedResult | null,
): Record<string, unknown> {
  return {
    asOf: timeText(nowMs),
    ok: sources.every(({ problems }) => problems.length === 0),
    applied: deed !== null,
    sources: sources.length,
    planned: {
      extensions: figuresOf(sources.flatMap(({ extensions }) => extensions)),
      prunes: figuresOf(sources.flatMap(({ prunes }) => prunes)),
    },
    done: deed,
  }
}

export function renderCustody({ nowMs, lock, sources }: CustodyPlan, vault: string): string {
  const head = `${terminalText(vault)}, ${lock.mode} for ${countOf(lock.days, 'day')}, as of ${timeText(nowMs)}\n`
  return head + sources.map(renderSource).join('')
}

function renderSource(source: SourcePlan): string {
  const { name, stored, liveSnapshots, lastGood, doubtful, extensions, prunes, deferredPrunes } = source
  const lines = [
    `${countOf(stored.versions, 'version')}, ${bytesText(stored.bytes)}; ${countOf(liveSnapshots, 'snapshot')} within the guaranteed retention`,
    lastGood === null
      ? 'no last good snapshot to keep'
      : `keeps ${lastGood.id} of ${timeText(lastGood.timeMs)}: ${reasons[lastGood.confirmation]}`,
    ...(doubtful === null
      ? []
      : [`keeps ${doubtful.id} of ${timeText(doubtful.timeMs)} too: it is doubtful`]),
    `extends ${countOf(extensions.length, 'lock')}${extensions.length === 0 ? '' : `, for ${neededByText(source)}`}`,
    `prunes ${countOf(prunes.length, 'version')}, ${bytesText(figuresOf(prunes).bytes)}${deferredPrunes === 0 ? '' : `; ${countOf(deferredPrunes, 'more version')} in the next run`}`,
    ...(source.unrecognized.versions === 0
      ? []
      : [`never prunes ${countOf(source.unrecognized.versions, 'version')} whose keys it doesn't know`]),
    ...source.problems.map((problem) => `PROBLEM: ${terminalText(problem)}`),
  ]
  return `${terminalText(name)}\n${lines.map((line) => `  ${line}\n`).join('')}`
}

const reasons: Readonly<Record<Confirmation, string>> = {
  good: 'the last good snapshot',
  attested: 'no snapshot is good, and the notary attested this one',
  unattested: 'no receipt was read, and this one is complete',
}

function neededByText({ extensions }: SourcePlan): string {
  return listText([...new Set(extensions.map(({ neededBy }) => neededBy))], maxListed)
}

export function renderDeed(deed: DeedResult | null): string {
  if (deed === null) return 'Nothing was changed. Pass --apply to do this.\n'
  const { extended, pruned, skipped } = deed
  const skippedText = skipped === 0 ? '' : ` ${countOf(skipped, 'version')} changed meanwhile and stayed.`
  return `Extended ${countOf(extended.versions, 'lock')}. Pruned ${countOf(pruned.versions, 'version')}, ${bytesText(pruned.bytes)}.${skippedText}\n`
}

function figuresOf(items: readonly { bytes: number }[]): Figures {
  return { versions: items.length, bytes: items.reduce((sum, { bytes }) => sum + bytes, 0) }
}
