// A baseline: the findings that a team has seen and lives with for now. Later searches report what is not
// in it.
//
// It holds no value and no hash of a value. A baseline lies in a repository, and a reader of it could guess a
// short password from even a slow hash. An entry has the location, kind and setting of its findings, and
// their count, so that one more finding in the same location is new. A replaced value in the same setting is
// new only if the caller gives a key from another location. The entry then holds HMACs under that key, and
// no reader of the file can test guesses against them.
import { createHash } from 'node:crypto'
import { isAbsolute, relative } from 'node:path'
import { z } from 'zod'
import type { Finding } from './finding.ts'

const entrySchema = z.strictObject({
  /** Relative to the baseline's directory; `$NAME` is a variable of the environment. */
  location: z.string(),
  kind: z.string(),
  setting: z.string().nullable(),
  count: z.int().min(1).max(100_000),
  /** One for each finding, if a key was given. */
  fingerprints: z.array(z.string().regex(/^[0-9a-f]{64}$/)).optional(),
})

export const baselineSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Tells a wrong key from changed values: a hash of the key, which is too long to be guessed. */
  keyId: z.string().nullable(),
  findings: z.array(entrySchema),
})

export type Baseline = z.infer<typeof baselineSchema>
type BaselineEntry = z.infer<typeof entrySchema>

/** A shorter key could be guessed from its id. */
export const minKeyLength = 32

export function keyIdOf(key: string): string {
  return createHash('sha256').update(`holdfast baseline\0${key}`).digest('hex').slice(0, 16)
}

/**
 * @param directory that the baseline lies in: locations are relative to it, so that it holds on every
 * machine.
 */
export function makeBaseline(
  findings: readonly Finding[],
  directory: string,
  keyId: string | null,
): Baseline {
  const entries = new Map<string, BaselineEntry>()
  for (const finding of findings) {
    const entry = entries.get(identityOf(finding, directory)) ?? {
      location: locationOf(finding, directory),
      kind: finding.kind,
      setting: finding.setting,
      count: 0,
      ...(keyId === null ? {} : { fingerprints: [] }),
    }
    entry.count++
    if (finding.fingerprint !== null) entry.fingerprints?.push(finding.fingerprint)
    entries.set(identityOf(finding, directory), entry)
  }
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  for (const entry of sorted) entry.fingerprints?.sort()
  return { formatVersion: 1, keyId, findings: sorted }
}

/** The findings that the baseline doesn't cover. */
export function newFindings(findings: readonly Finding[], baseline: Baseline, directory: string): Finding[] {
  const budgets = new Map<string, { count: number; fingerprints: string[] | null }>()
  for (const { location, kind, setting, count, fingerprints } of baseline.findings)
    budgets.set(JSON.stringify([location, kind, setting]), {
      count,
      fingerprints: fingerprints === undefined ? null : [...fingerprints],
    })
  return findings.filter((finding) => {
    const budget = budgets.get(identityOf(finding, directory))
    if (budget === undefined || budget.count === 0) return true
    if (budget.fingerprints !== null) {
      const position = budget.fingerprints.indexOf(finding.fingerprint ?? '')
      if (position < 0) return true
      budget.fingerprints.splice(position, 1)
    }
    budget.count--
    return false
  })
}

function identityOf(finding: Finding, directory: string): string {
  return JSON.stringify([locationOf(finding, directory), finding.kind, finding.setting])
}

/** A path outside the directory stays as it is. */
function locationOf({ location }: Finding, directory: string): string {
  if (location.type === 'variable') return `$${location.name}`
  const path = relative(directory, location.path)
  return path.startsWith('..') || isAbsolute(path) ? location.path : path
}
