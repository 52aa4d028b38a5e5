// The message of one run to one channel: new findings, findings that stay open, and those that are over. Texts of
// findings may be an attacker's, so that no channel gets them as markup.
import { countOf } from '../../core/count-text.ts'
import { severities } from '../outcome.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { LedgerEntry } from './ledger.ts'
import type { Notice, NoticeName, RunNotices } from './notice.ts'

export interface Message {
  /** The vault's address, or `the watch of` a machine. */
  origin: string
  opened: readonly Notice[]
  /** They were sent before, and are still open. */
  reminded: readonly Notice[]
  recovered: readonly NoticeName[]
}

/** Slack takes 3,000 characters in a block, and SNS 256 KiB in a message. */
const maxTextChars = 2900
const maxShown = 10
/** SNS takes fewer than 100 characters, of ASCII alone. */
const maxSubjectChars = 99

/** Null: the channel has nothing new to hear. */
export function planMessage(
  origin: string,
  { open, isOver }: RunNotices,
  { channel, entries, nowMs }: { channel: ChannelSettings; entries: readonly LedgerEntry[]; nowMs: number },
): Message | null {
  const { minSeverity, repeatAfter } = channel
  const isHeard = ({ severity }: NoticeName): boolean =>
    severities.indexOf(severity) <= severities.indexOf(minSeverity)
  const sent = new Map(entries.map((entry) => [entry.id, entry.sentMs]))
  const heard = open.filter(isHeard)
  // A clock that was turned back must not silence a finding.
  const isDue = (sentMs: number): boolean => nowMs - sentMs >= repeatAfter || sentMs > nowMs
  const opened = heard.filter(({ id }) => !sent.has(id))
  const reminded = heard.filter(({ id }) => sent.has(id) && isDue(sent.get(id)!))
  const recovered = entries.filter(isOver)
  return opened.length + reminded.length + recovered.length === 0
    ? null
    : { origin, opened, reminded, recovered }
}

/** The entries of the channel after `message` has arrived. */
export function entriesAfter(
  entries: readonly LedgerEntry[],
  message: Message,
  nowMs: number,
): LedgerEntry[] {
  const sent = [...message.opened, ...message.reminded]
  const gone = new Set([...sent, ...message.recovered].map(({ id }) => id))
  return [
    ...entries.filter(({ id }) => !gone.has(id)),
    ...sent.map(({ id, source, check, severity, subject }) => ({
      ...{ id, source, check, severity, subject },
      sentMs: nowMs,
    })),
  ]
}

/** Counts and names of sources alone: it has no text of a finding. */
function headline({ opened, reminded, recovered }: Message): string {
  const parts = [
    ...(opened.length === 0 ? [] : [countOf(opened.length, 'new finding')]),
    ...(reminded.length === 0 ? [] : [`${reminded.length} still open`]),
    ...(recovered.length === 0 ? [] : [`${recovered.length} over`]),
  ]
  const sources = [...new Set([...opened, ...reminded, ...recovered].map(({ source }) => source))].sort()
  const more = sources.length > maxShown ? [`and ${sources.length - maxShown} more`] : []
  return `Holdfast: ${parts.join(', ')} (${[...sources.slice(0, maxShown), ...more].join(', ')})`
}

export function messageSubject(message: Message): string {
  return headline(message)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, maxSubjectChars)
}

export function messageText(message: Message): string {
  const { origin, opened, reminded, recovered } = message
  const lines = [
    `${headline(message)}, ${origin}`,
    ...listed('NEW', opened, openLines),
    ...listed('STILL OPEN', reminded, openLines),
    ...listed('OVER', recovered, ({ source, check, subject }) => [`${source}: ${check}: ${subject}`]),
  ]
  const text = lines.join('\n')
  return text.length <= maxTextChars ? text : `${text.slice(0, maxTextChars)}…`
}

/** The body for a webhook. Its fields stay. */
export function messageRecord(message: Message): Record<string, unknown> {
  const { origin, opened, reminded, recovered } = message
  return {
    kind: 'holdfast-notification',
    formatVersion: 1,
    origin,
    headline: headline(message),
    opened,
    reminded,
    recovered,
  }
}

/** Slack shows plain text as it is: no mention, no link, no formatting. */
export function slackRecord(message: Message): Record<string, unknown> {
  const text = messageText(message)
  return {
    text: headline(message),
    blocks: [{ type: 'section', text: { type: 'plain_text', text, emoji: false } }],
    unfurl_links: false,
    unfurl_media: false,
  }
}

function listed<Name extends NoticeName>(
  title: string,
  names: readonly Name[],
  linesOf: (name: Name) => string[],
): string[] {
  const more = names.length > maxShown ? [`${title}: and ${names.length - maxShown} more`] : []
  return [
    ...names
      .slice(0, maxShown)
      .flatMap((name) =>
        linesOf(name).map((line, index) => (index === 0 ? `${title}: ${line}` : `  ${line}`)),
      ),
    ...more,
  ]
}

function openLines({ source, check, severity, status, subject, detail, remedy }: Notice): string[] {
  const verdict = status === 'failed' ? severity : `${severity}, could not tell`
  return [
    `${source}: ${check} (${verdict}): ${subject}: ${detail}`,
    ...(remedy === null ? [] : [`next: ${remedy}`]),
  ]
}
