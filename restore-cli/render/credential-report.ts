// Credentials within reach, as text and as records: by file, line and owner, never by value.
import type { Finding, SkipReason } from '../../blast-radius/search/finding.ts'
import { credentialKinds } from '../../blast-radius/search/kinds.ts'
import type { SearchResult } from '../../blast-radius/search/search.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText } from './figures.ts'
import { terminalText } from './terminal-text.ts'

/** A session that has ended gives access to nothing. */
export function isSpent({ expiresMs }: Finding, nowMs: number): boolean {
  return expiresMs !== null && expiresMs <= nowMs
}

export function findingRecord(finding: Finding, nowMs: number): Record<string, unknown> {
  const kind = credentialKinds[finding.kind]
  return {
    kind: finding.kind,
    title: kind.title,
    place: finding.location,
    setting: finding.setting,
    owner: finding.owner,
    lives: kind.lives,
    expires: finding.expiresMs === null ? null : timeText(finding.expiresMs),
    isSpent: isSpent(finding, nowMs),
    couldDestroy: kind.couldDestroy,
    brake: kind.safeguard,
    remedy: kind.remedy,
  }
}

/** @param knownCount number of findings that the baseline has. */
export function searchRecord(result: SearchResult, knownCount: number): Record<string, unknown> {
  const { findings, allowed, skipped, skippedCounts, files, bytes } = result
  return { credentials: findings.length, known: knownCount, allowed, files, bytes, skippedCounts, skipped }
}

const maxShown = 1000

/** @param result with the findings that are new; @param knownCount number of the others. */
export function renderSearch(result: SearchResult, knownCount: number, nowMs: number): string {
  const { findings, allowed, files, bytes } = result
  const further = findings.length - maxShown
  return [
    ...findings.slice(0, maxShown).map((finding) => renderFinding(finding, nowMs)),
    further > 0 ? `  and ${countOf(further, 'credential')} more: --json lists all of them\n` : '',
    `${countOf(findings.length, knownCount === 0 ? 'credential' : 'new credential')} found; `,
    knownCount === 0 ? '' : `${countText(knownCount)} in the baseline; `,
    allowed === 0 ? '' : `${countText(allowed)} allowed by a comment; `,
    `${countOf(files, 'file')} (${bytesText(bytes)}) searched.\n`,
    renderSkipped(result),
  ].join('')
}

function renderFinding(finding: Finding, nowMs: number): string {
  const kind = credentialKinds[finding.kind]
  const { location } = finding
  // The search has already escaped paths.
  const where =
    location.type === 'file' ? `${location.path}:${location.line}` : `variable ${terminalText(location.name)}`
  const whose = finding.owner === null ? '' : ` of ${terminalText(finding.owner)}`
  const ends =
    finding.expiresMs === null
      ? kind.lives === 'for ever'
        ? 'lives until it is revoked'
        : 'ends by itself'
      : `${isSpent(finding, nowMs) ? 'ended' : 'ends'} ${timeText(finding.expiresMs)}`
  const setting = finding.setting === null ? '' : ` (${terminalText(finding.setting)})`
  return `${isSpent(finding, nowMs) ? ' ' : '!'} ${where}${setting}\n    ${kind.title}${whose}; ${ends}\n    could destroy ${kind.couldDestroy}\n    ${kind.remedy}\n`
}

const reasons: Record<SkipReason, string> = {
  unreadable: 'could not be read',
  'too-large': 'larger than --max-file-bytes',
  binary: 'binary files',
  changed: 'changed or removed while they were read: searched as far as they were read',
  'not-parsed': 'too large to parse, or not what their names say: searched line by line',
  'too-many-entries': 'stopped: more entries than --max-entries',
  'too-deep': 'deeper than --max-depth',
  link: 'links, not followed',
  'too-many-findings': 'findings beyond those listed',
  'not-found': 'not there',
}

function renderSkipped({ skipped, skippedCounts }: SearchResult): string {
  return (Object.entries(skippedCounts) as [SkipReason, number][])
    .map(([reason, count]) => {
      const isListed = reason !== 'link' && reason !== 'binary'
      const entries = isListed ? skipped.filter((entry) => entry.reason === reason) : []
      return `  Left out: ${countText(count)} ${reasons[reason]}\n${entries.map(({ path, detail }) => `    ${terminalText(path)}${detail === null ? '' : ` (${detail})`}\n`).join('')}`
    })
    .join('')
}
