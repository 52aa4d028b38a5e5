// The search of `holdfast blast-radius --here` and `--directory`: what it found, what of it is new, and the
// files for CI.
import { writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, resolve } from 'node:path'
import {
  baselineSchema,
  keyIdOf,
  makeBaseline,
  minKeyLength,
  newFindings,
} from '../blast-radius/search/baseline.ts'
import type { Baseline } from '../blast-radius/search/baseline.ts'
import { credentialLocations } from '../blast-radius/search/credential-locations.ts'
import type { Finding } from '../blast-radius/search/finding.ts'
import { defaultLimits, searchCredentials } from '../blast-radius/search/search.ts'
import type { SearchResult } from '../blast-radius/search/search.ts'
import { parseJsonFile } from '../blast-radius/json-file.ts'
import { HoldfastError } from '../core/errors.ts'
import type { Invocation } from './invocation.ts'
import type { Output } from './output.ts'
import { findingRecord, isSpent, renderSearch, searchRecord } from './render/credential-report.ts'
import { bytesText, countOf } from './render/figures.ts'
import { sarifLog } from './render/sarif-report.ts'
import { wallClock } from './wall-clock.ts'

export interface SearchFlags {
  here?: boolean
  directory: string[]
  exclude: string[]
  baseline?: string
  writeBaseline?: string
  sarif?: string
  maxFileBytes?: number
  maxEntries?: number
  maxDepth?: number
}

export interface SearchReport {
  /** New credentials that have not expired. */
  usable: number
  /** @throws `incomplete` if the search stopped at a limit or could not read a file: its result is no all-clear. */
  assertComplete: () => void
}

/** A baseline's key must lie where no reader of the repository finds it. */
const keyVariable = 'HOLDFAST_BASELINE_KEY'

/** @throws `not-found`, `invalid-input`, `target`; `incomplete` rather than writing a baseline of a part. */
export async function reportCredentials(
  flags: SearchFlags,
  invocation: Invocation,
  output: Output,
): Promise<SearchReport> {
  const key = readKey(invocation)
  const baseline = flags.baseline === undefined ? null : readBaseline(flags.baseline, key)
  const result = await search(flags, invocation, output, key)
  const isNew = selectNew(result.findings, baseline, flags.baseline)
  const nowMs = wallClock.nowMs()
  for (const finding of result.findings)
    output.record('credential', { ...findingRecord(finding, nowMs), isKnown: !isNew(finding) })
  const shown = { ...result, findings: result.findings.filter(isNew) }
  const knownCount = result.findings.length - shown.findings.length
  output.record('search', searchRecord(result, knownCount))
  output.text(renderSearch(shown, knownCount, nowMs))
  if (flags.sarif !== undefined)
    writeReport(
      flags.sarif,
      'SARIF report',
      sarifLog(result.findings, isNew, { nowMs, directory: process.cwd() }),
    )
  if (flags.writeBaseline !== undefined) {
    assertComplete(result)
    writeBaseline(flags.writeBaseline, result.findings, key)
    return { usable: 0, assertComplete: () => undefined }
  }
  return {
    usable: shown.findings.filter((finding) => !isSpent(finding, nowMs)).length,
    assertComplete: () => assertComplete(result),
  }
}

function assertComplete({ skippedCounts }: SearchResult): void {
  const {
    'too-many-entries': entries = 0,
    'too-deep': deep = 0,
    'too-many-findings': findings = 0,
    unreadable = 0,
  } = skippedCounts
  if (unreadable > 0)
    throw new HoldfastError(
      'incomplete',
      `${countOf(unreadable, 'file or directory', 'files or directories')} could not be read`,
      { hint: 'run the search as a user that may read them, or skip them (--exclude)' },
    )
  if (entries + deep + findings === 0) return
  throw new HoldfastError('incomplete', 'the search stopped at a limit, before it had read everything', {
    hint: 'search a smaller directory, skip directories (--exclude), or raise the limit (--max-entries, --max-depth)',
  })
}

async function search(
  flags: SearchFlags,
  { environment, signal }: Invocation,
  output: Output,
  key: string | undefined,
): Promise<SearchResult> {
  const isHere = flags.here === true
  const progress = output.progress()
  try {
    const result = await searchCredentials({
      roots: flags.directory.map((directory) => resolve(directory)),
      locations: isHere ? credentialLocations(environment['HOME'] || homedir(), environment) : [],
      environment: isHere ? withoutOwnKey(environment) : {},
      limits: {
        maxEntries: flags.maxEntries ?? defaultLimits.maxEntries,
        maxDepth: flags.maxDepth ?? defaultLimits.maxDepth,
        maxFileBytes: flags.maxFileBytes ?? defaultLimits.maxFileBytes,
        maxFindings: defaultLimits.maxFindings,
        exclude: flags.exclude,
      },
      ...(key === undefined ? {} : { fingerprintKey: key }),
      signal,
      onProgress: (figures) =>
        progress.update(`${countOf(figures.files, 'file')} searched, ${bytesText(figures.bytes)}`, {
          ...figures,
        }),
    })
    const missing = result.skipped.find(({ reason }) => reason === 'not-found')
    if (missing === undefined) return result
    throw new HoldfastError('not-found', `${missing.path} does not exist`, {
      hint: 'pass an existing directory or file with --directory',
    })
  } finally {
    progress.stop()
  }
}

/** The key of the baseline is here because the caller put it there for this command. */
function withoutOwnKey(environment: Invocation['environment']): Invocation['environment'] {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name !== keyVariable))
}

function readKey({ environment }: Invocation): string | undefined {
  const key = environment[keyVariable]
  if (key === undefined || key === '') return undefined
  if (key.length >= minKeyLength) return key
  throw new HoldfastError('invalid-input', `${keyVariable} has fewer than ${minKeyLength} characters`, {
    hint: 'make a key with `openssl rand -hex 32`, and keep it among the secrets of CI',
  })
}

function readBaseline(file: string, key: string | undefined): Baseline {
  const parsed = baselineSchema.safeParse(parseJsonFile(file, 'the baseline'))
  if (!parsed.success)
    throw new HoldfastError('invalid-input', `the baseline ${file} is not one that this version reads`, {
      hint: 'write it again with --write-baseline',
    })
  const { keyId } = parsed.data
  if (keyId === null || (key !== undefined && keyIdOf(key) === keyId)) return parsed.data
  const problem =
    key === undefined ? `needs the key that it was written with` : 'was written with another key'
  throw new HoldfastError('invalid-input', `the baseline ${file} ${problem}`, {
    hint: `set ${keyVariable} to that key, or write the baseline again with --write-baseline`,
  })
}

function selectNew(
  findings: readonly Finding[],
  baseline: Baseline | null,
  file: string | undefined,
): (finding: Finding) => boolean {
  if (baseline === null || file === undefined) return () => true
  const selected = new Set(newFindings(findings, baseline, dirname(resolve(file))))
  return (finding) => selected.has(finding)
}

function writeBaseline(file: string, findings: readonly Finding[], key: string | undefined): void {
  const keyId = key === undefined ? null : keyIdOf(key)
  writeReport(file, 'baseline', makeBaseline(findings, dirname(resolve(file)), keyId))
}

function writeReport(file: string, label: string, content: unknown): void {
  try {
    writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new HoldfastError('target', `the ${label} ${file} can't be written: ${reason}`, {
      hint: 'check the path and its permissions',
    })
  }
}
