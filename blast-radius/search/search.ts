// Searches for credentials within reach of a process, as an agent finds them: in its environment, in the
// locations of known tools, and in the files of a directory. No value leaves this folder.
import { createHmac } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { pathText } from '../../core/tree/path-text.ts'
import { isAllowed } from './allow-comments.ts'
import { FileReader } from './file-reader.ts'
import type { Finding, FindingLocation, Skipped, SkipReason } from './finding.ts'
import { formatOf } from './formats/file-format.ts'
import type { FileFormat } from './formats/file-format.ts'
import { isReadWhole } from './formats/read-settings.ts'
import type { Setting } from './formats/setting.ts'
import { mayHoldCredential } from './keyword-hits.ts'
import { redact, scanText } from './scan.ts'
import type { Located } from './scan.ts'
import { decodeText, wideEncodingOf } from './text.ts'
import { readInWindows, wholeText } from './text-windows.ts'
import type { TextWindow } from './text-windows.ts'
import { walkFiles } from './walk.ts'
import type { WalkLimits } from './walk.ts'

export interface SearchLimits extends WalkLimits {
  /** A larger file is left out, and named. */
  maxFileBytes: number
  maxFindings: number
}

export const defaultLimits: SearchLimits = {
  maxEntries: 1_000_000,
  maxDepth: 64,
  maxFileBytes: 4 * 1024 * 1024,
  maxFindings: 20_000,
  exclude: [],
}

export interface SearchTask {
  /** Files and directories to search; it is an error if one isn't there. */
  roots: readonly string[]
  /** The same, but not all of them need be there. */
  locations: readonly string[]
  environment: Readonly<Record<string, string | undefined>>
  limits: SearchLimits
  /**
   * Makes a fingerprint of each value; without it there is none, since that of a short value could be
   * guessed.
   */
  fingerprintKey?: string
  signal: AbortSignal
  onProgress?: (figures: { files: number; bytes: number }) => void
}

export interface SearchResult {
  findings: Finding[]
  /** Findings that a comment lets pass. */
  allowed: number
  /** The first of each reason; `skippedCounts` has all of them. */
  skipped: Skipped[]
  skippedCounts: Partial<Record<SkipReason, number>>
  files: number
  bytes: number
}

const maxListedPerReason = 20
const maxVariableLength = 100_000
/** A file's beginning tells its format, where its name doesn't. */
const formatProbeBytes = 1000
/** Between two of these, signals and progress wait. */
const maxSliceMs = 40

/** @throws `signal`'s reason. Nothing else: what can't be read is listed. */
export async function searchCredentials(task: SearchTask): Promise<SearchResult> {
  const search = new Search(task)
  search.scanEnvironment()
  for (const root of task.locations) await search.scanRoot(root, false)
  for (const root of task.roots) await search.scanRoot(root, true)
  return search.result
}

class Search {
  readonly result: SearchResult = {
    findings: [],
    allowed: 0,
    skipped: [],
    skippedCounts: {},
    files: 0,
    bytes: 0,
  }
  private readonly task: SearchTask
  private readonly reader: FileReader
  private readonly budget = { entries: 0 }
  private sliceEnd = performance.now() + maxSliceMs

  constructor(task: SearchTask) {
    this.task = task
    this.reader = new FileReader(task.limits.maxFileBytes)
  }

  scanEnvironment(): void {
    const settings: Setting[] = []
    let text = ''
    for (const [name, value] of sortedVariables(this.task.environment)) {
      const start = text.length + name.length + 1
      settings.push({ path: [name], value, start, end: start + value.length })
      text += `${name}=${value}\n`
    }
    for (const located of scanText(text, { path: '', settings }).credentials) {
      const name = settings.findLast(({ start, path }) => start - path[0]!.length - 1 <= located.start)!
        .path[0]!
      this.add({ type: 'variable', name: redact(name) }, located, text)
    }
  }

  async scanRoot(root: string, isNamed: boolean): Promise<void> {
    this.task.signal.throwIfAborted()
    let isDirectory
    let path
    try {
      // The caller named it, so a link is followed: this one, and none below it.
      path = realpathSync(root)
      isDirectory = statSync(path).isDirectory()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (isNamed || code !== 'ENOENT') this.skip(root, code === 'ENOENT' ? 'not-found' : 'unreadable', code)
      return
    }
    if (!isDirectory) return this.scanFile(Buffer.from(path))
    const start = Buffer.from(path === '/' ? '' : path)
    for (const file of walkFiles(start, this.task.limits, this.budget, (...skip) => this.skip(...skip))) {
      this.scanFile(file)
      if (performance.now() > this.sliceEnd) await this.pause()
    }
  }

  private async pause(): Promise<void> {
    this.task.onProgress?.({ files: this.result.files, bytes: this.result.bytes })
    await setImmediate()
    this.task.signal.throwIfAborted()
    this.sliceEnd = performance.now() + maxSliceMs
  }

  private scanFile(path: Buffer): void {
    const content = this.reader.read(path)
    if ('bytes' in content) {
      this.result.files++
      this.result.bytes += content.bytes.length
      if (content.hasChanged) this.skip(pathText(path), 'changed')
      if (
        wideEncodingOf(content.bytes) !== null ||
        mayHoldCredential(content.bytes) ||
        isNamedLikeSecret(path)
      )
        this.scanBytes(content.bytes, path)
    } else if (content.reason !== null) this.skip(pathText(path), content.reason, content.detail)
  }

  private scanBytes(bytes: Uint8Array, path: Buffer): void {
    const shown = pathText(path)
    const format = formatOf(shown, decodeText(bytes.subarray(0, formatProbeBytes)).text)
    if (isReadWhole(format, bytes.length)) return this.scanWindow(wholeText(bytes), shown, format)
    for (const window of readInWindows(bytes, mayHoldCredential)) this.scanWindow(window, shown, format)
  }

  private scanWindow({ text, lineAt, start, end }: TextWindow, path: string, format: FileFormat): void {
    const { credentials, isWhole } = scanText(text, { path, format })
    if (!isWhole) this.skip(path, 'not-parsed')
    for (const located of credentials) {
      if (located.start < start || located.start >= end) continue
      if (isAllowed(text, located.start)) this.result.allowed++
      else this.add({ type: 'file', path: redact(path), line: lineAt(located.start) }, located, text)
    }
  }

  private add(location: FindingLocation, located: Located, text: string): void {
    const { kind, owner, expiresMs, setting, start, end } = located
    if (this.result.findings.length >= this.task.limits.maxFindings) return this.count('too-many-findings')
    const key = this.task.fingerprintKey
    const fingerprint =
      key === undefined
        ? null
        : createHmac('sha256', key)
            .update(`${kind}\0${text.slice(start, end)}`)
            .digest('hex')
    this.result.findings.push({
      kind,
      location,
      setting: setting === null ? null : redact(setting),
      owner,
      expiresMs,
      fingerprint,
    })
  }

  private skip(path: string, reason: SkipReason, detail?: string): void {
    this.count(reason)
    if (this.result.skippedCounts[reason]! <= maxListedPerReason)
      this.result.skipped.push({ path: redact(path), reason, detail: detail ?? null })
  }

  private count(reason: SkipReason): void {
    this.result.skippedCounts[reason] = (this.result.skippedCounts[reason] ?? 0) + 1
  }
}

/** A file's name can be the only word that tells: `master.key` holds sixteen bytes in hexadecimal. */
function isNamedLikeSecret(path: Buffer): boolean {
  return mayHoldCredential(path.subarray(Math.max(0, path.lastIndexOf('/') - 40)))
}

/** Keys and their secrets lie together, as in a file. */
function sortedVariables(environment: SearchTask['environment']): [string, string][] {
  const isAws = (name: string): number => Number(name.startsWith('AWS_'))
  return Object.entries(environment)
    .flatMap(([name, value]): [string, string][] =>
      value ? [[name, value.slice(0, maxVariableLength)]] : [],
    )
    .sort(([a], [b]) => isAws(b) - isAws(a) || (a < b ? -1 : 1))
}
