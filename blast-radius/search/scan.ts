// One text's credentials: the rules that its words call for, and its settings; each value once, and no
// value in the result.
import { formatOf } from './formats/file-format.ts'
import type { FileFormat } from './formats/file-format.ts'
import { readSettings } from './formats/read-settings.ts'
import type { Setting } from './formats/setting.ts'
import { findKeywords } from './keyword-hits.ts'
import type { KeywordHits } from './keyword-hits.ts'
import type { KindName } from './kinds.ts'
import { judgeSettings, judgeWholeFile } from './named-secrets.ts'
import { pgpassLogins } from './rules/database-logins.ts'
import type { Match } from './rules/rule.ts'
import { sureRules } from './rules/rules.ts'

export interface Located {
  kind: KindName
  /** Position of the value in the text. */
  start: number
  end: number
  setting: string | null
  owner: string | null
  expiresMs: number | null
}

export interface ScanContext {
  /** The format goes by it, and some rules: `.pgpass`. */
  path: string
  /** Where the caller knows it: a window of a text doesn't show it. */
  format?: FileFormat
  /** The text's settings, where the caller has them: then the text isn't parsed. */
  settings?: readonly Setting[]
}

export interface Scan {
  credentials: Located[]
  /** False if the text is not what its name says, or only in part. */
  isWhole: boolean
}

/** More than any file of settings has; a dump of hashes must not fill the heap. */
const maxMatches = 1000
/** Shorter than this, a value may be part of any word. */
const minTelltaleLength = 4

export function scanText(text: string, context: ScanContext): Scan {
  const { matches, isWhole } = findMatches(text, context)
  const values = matches
    .map(({ start, end }) => text.slice(start, end))
    .filter((value) => value.length >= minTelltaleLength)
  const credentials = matches
    .filter(({ isHarmless }) => isHarmless !== true)
    .map(({ kind, start, end, setting, owner, expiresMs }) => ({
      kind,
      start,
      end,
      setting: setting === undefined ? null : withoutValues(setting, values),
      owner: owner === null ? null : withoutValues(owner, values),
      expiresMs: expiresMs ?? null,
    }))
  return { credentials, isWhole }
}

/** `text` with everything that looks like a credential taken out: for names, which may hold one. */
export function redact(text: string): string {
  const { matches } = findMatches(text, { path: '', settings: [] })
  let redacted = text
  for (const { start, end } of matches.toReversed())
    redacted = `${redacted.slice(0, start)}…${redacted.slice(end)}`
  return redacted
}

function findMatches(text: string, context: ScanContext): { matches: Match[]; isWhole: boolean } {
  const hits = findKeywords(text)
  const sure = limited(applySureRules(text, context.path, hits.sure))
  const forms = limited(applyFormRules(text, hits.forms))
  const { named, isWhole } = findNamed(text, context, hits.naming)
  // The surest word on each stretch of text: a rule that knows the owner, then a token's form, then a name.
  const ranked = [
    ...sure,
    ...forms.filter(({ isByName }) => !isByName).map(({ match }) => match),
    ...named.map((match) => withFormKind(match, forms)),
    ...forms.filter(({ isByName }) => isByName).map(({ match }) => match),
  ]
  return { matches: withoutOverlaps(ranked).sort((a, b) => a.start - b.start), isWhole }
}

function findNamed(
  text: string,
  context: ScanContext,
  naming: readonly number[],
): { named: Match[]; isWhole: boolean } {
  const { path, settings } = context
  if (settings !== undefined)
    return { named: limited(judgeSettings(settings, 'settings', path)), isWhole: true }
  const wholeFile = judgeWholeFile(text, path)
  if (naming.length === 0) return { named: wholeFile, isWhole: true }
  const format = context.format ?? formatOf(path, text)
  const read = readSettings(text, format, naming)
  const named = [
    ...limited(judgeSettings(read.settings, format, path)),
    ...limited(judgeDecoded(read.settings)),
    ...wholeFile,
  ]
  return { named, isWhole: read.isWhole }
}

/** A file in base64, as Kubernetes keeps it in a Secret: the whole value is what was found. */
function* judgeDecoded(settings: readonly Setting[]): Iterable<Match> {
  for (const { value, isDecoded, start, end, path } of settings) {
    if (isDecoded !== true) continue
    const [first] = scanText(value, { path: path.at(-1) ?? '' }).credentials
    if (first !== undefined) yield { ...first, start, end, setting: path.at(-1) ?? '' }
  }
}

function* applySureRules(text: string, path: string, hits: KeywordHits['sure']): Iterable<Match> {
  for (const rule of sureRules) {
    const starts = hits.get(rule)
    if (starts !== undefined) yield* rule.find(text, starts, path)
  }
  yield* pgpassLogins(text, path)
}

interface FormMatch {
  match: Match
  isByName: boolean
}

function* applyFormRules(text: string, hits: KeywordHits['forms']): Iterable<FormMatch> {
  for (const [rule, keywordEnds] of hits) {
    for (const keywordEnd of keywordEnds) {
      const match = rule.find(text, keywordEnd)
      if (match !== null) yield { match, isByName: rule.isByName }
    }
  }
}

/** A rule that goes by the platform's name knows the kind better than the setting's name does. */
function withFormKind(match: Match, forms: readonly FormMatch[]): Match {
  if (match.kind !== 'unknown') return match
  const form = forms.find(({ match: { start, end } }) => start < match.end && match.start < end)
  return form === undefined ? match : { ...match, kind: form.match.kind, owner: form.match.owner }
}

function limited<Item>(items: Iterable<Item>): Item[] {
  const list: Item[] = []
  for (const item of items) {
    if (list.length >= maxMatches) break
    list.push(item)
  }
  return list
}

/** The first of each stretch of text stays. */
function withoutOverlaps(ranked: readonly Match[]): Match[] {
  const firsts: Match[] = []
  for (const match of ranked) {
    if (match.end > match.start && !firsts.some(({ start, end }) => match.start < end && start < match.end))
      firsts.push(match)
  }
  return firsts
}

/** A name read beside a value that was cut wrongly may hold a part of it: then no name is given. */
function withoutValues(name: string, values: readonly string[]): string | null {
  const parts = name.split(/[@/:, ]+/).filter((part) => part.length >= minTelltaleLength)
  return values.some((value) => name.includes(value) || parts.some((part) => value.includes(part)))
    ? null
    : name
}
