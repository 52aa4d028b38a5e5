// One text's credentials: the kept scanner and the rules beside it, each value once, and no value in what comes out.
import type { Match } from './finding.ts'
import type { KindName } from './kinds.ts'
import { findNamedSecrets, rules } from './rules.ts'
import { scanWithSecretlint } from './secretlint.ts'

export interface Located {
  kind: KindName
  /** Position of the value in the text. */
  start: number
  owner: string | null
  expiresMs: number | null
}

export interface ScanContext {
  /** Rules go by it: `.pgpass`. */
  path: string
  /** The text holds settings: what is named like a secret is taken for one. */
  holdsSettings: boolean
}

/** More than any file of settings has; a dump of hashes must not fill the memory. */
const mostMatches = 1000
/** Shorter than this, a value may be part of any word. */
const shortestTelltale = 4

export async function scanText(text: string, context: ScanContext): Promise<Located[]> {
  const matches = await findMatches(text, context)
  const values = matches
    .map(({ start, end }) => text.slice(start, end))
    .filter((value) => value.length >= shortestTelltale)
  return matches
    .filter(({ isGuess, kind }) => !(isGuess === true && kind.startsWith('aws-')))
    .map(({ kind, start, owner, expiresMs }) => ({
      kind,
      start,
      owner: owner === null ? null : withoutValues(owner, values),
      expiresMs: expiresMs ?? null,
    }))
}

/** `text` with everything that looks like a credential taken out: for names, which may hold one. */
export async function redact(text: string): Promise<string> {
  const matches = await findMatches(text, { path: '', holdsSettings: false })
  let redacted = text
  for (const { start, end } of matches.sort((left, right) => right.start - left.start))
    redacted = `${redacted.slice(0, start)}…${redacted.slice(end)}`
  return redacted
}

async function findMatches(text: string, { path, holdsSettings }: ScanContext): Promise<Match[]> {
  const own: Match[] = []
  for (const rule of [...rules, ...(holdsSettings ? [findNamedSecrets] : [])]) {
    for (const match of rule(text, path)) {
      if (own.length >= mostMatches) break
      own.push(match)
    }
  }
  const extension = /\.[\w-]{1,20}$/.exec(path)?.[0] ?? ''
  const kept = await scanWithSecretlint(text, extension)
  // The surest word on each stretch of text: a rule that knows the owner, then the kept scanner, then a guess.
  const ranked = [
    ...own.filter(({ isGuess }) => isGuess !== true),
    ...kept.slice(0, mostMatches),
    ...own.filter(({ isGuess }) => isGuess === true),
  ]
  return withoutOverlaps(ranked).sort((left, right) => left.start - right.start)
}

function withoutOverlaps(ranked: readonly Match[]): Match[] {
  const taken: Match[] = []
  for (const match of ranked) {
    if (match.end > match.start && !taken.some(({ start, end }) => match.start < end && start < match.end))
      taken.push(match)
  }
  return taken
}

/** An owner read beside a value that was cut wrongly may hold a part of it: then nobody is named. */
function withoutValues(owner: string, values: readonly string[]): string | null {
  const parts = owner.split(/[@/:, ]+/).filter((part) => part.length >= shortestTelltale)
  return values.some((value) => owner.includes(value) || parts.some((part) => value.includes(part)))
    ? null
    : owner
}
