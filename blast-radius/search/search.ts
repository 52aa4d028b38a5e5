// Searches what is within reach of a process for credentials, the way an agent finds them: its environment, the places where
// tools keep them, and files in a directory. Values are looked at and forgotten: none leaves this folder.
import { constants } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
import { pathText } from '../../core/tree/path-text.ts'
import type { Finding, Skipped, SkipReason } from './finding.ts'
import { redact, scanText } from './scan.ts'
import { decodeText, joinLines } from './text.ts'
import { walkFiles } from './walk.ts'
import type { WalkLimits } from './walk.ts'

export interface SearchLimits extends WalkLimits {
  /** A larger file is left out, and named. */
  maxFileBytes: number
  maxFindings: number
}

export const defaultLimits: SearchLimits = {
  maxEntries: 200_000,
  maxDepth: 64,
  maxFileBytes: 1024 * 1024,
  maxFindings: 1000,
  exclude: [],
}

export interface SearchTask {
  /** Files and directories to search; it is an error if one isn't there. */
  roots: readonly string[]
  /** The same, but nobody expects all of them to be there. */
  places: readonly string[]
  environment: Readonly<Record<string, string | undefined>>
  limits: SearchLimits
  signal: AbortSignal
  onProgress?: (figures: { files: number; bytes: number }) => void
}

export interface SearchResult {
  findings: Finding[]
  /** The first of each reason; `skippedCounts` has all of them. */
  skipped: Skipped[]
  skippedCounts: Partial<Record<SkipReason, number>>
  files: number
  bytes: number
}

const listedPerReason = 20
/** Files whose content is `NAME=value`, or the like. */
const settingsFile =
  /(?:^|\/)(?:\.?env(?:\..*)?|.*\.(?:env|tfvars|properties|ini|cnf|conf|cfg|toml|ya?ml|json)|\.(?:bash|zsh)(?:rc|_history|_profile)|\.profile|\.envrc|credentials|config)$/i

/** @throws `signal`'s reason. Nothing else: what can't be read is listed. */
export async function searchCredentials(task: SearchTask): Promise<SearchResult> {
  const search = new Search(task)
  await search.scanEnvironment()
  for (const root of task.places) await search.scanRoot(root, false)
  for (const root of task.roots) await search.scanRoot(root, true)
  return search.result
}

class Search {
  readonly result: SearchResult = { findings: [], skipped: [], skippedCounts: {}, files: 0, bytes: 0 }
  private readonly task: SearchTask
  private readonly budget = { entries: 0 }
  /** A file that is reached twice is one file. */
  private readonly seen = new Set<string>()

  constructor(task: SearchTask) {
    this.task = task
  }

  async scanEnvironment(): Promise<void> {
    // Keys and their secrets lie together, as in a file.
    const entries = Object.entries(this.task.environment)
      .flatMap(([name, value]) => (value ? [[name, value] as const] : []))
      .sort(
        ([left], [right]) =>
          Number(right.startsWith('AWS_')) - Number(left.startsWith('AWS_')) || (left < right ? -1 : 1),
      )
    const starts: { at: number; name: string }[] = []
    let text = ''
    for (const [name, value] of entries) {
      starts.push({ at: text.length, name })
      text += `${name}=${value.slice(0, 100_000)}\n`
    }
    for (const { kind, start, owner, expiresMs } of await scanText(text, { path: '', holdsSettings: true })) {
      const name = await redact(starts.findLast(({ at }) => at <= start)?.name ?? '')
      this.add({ kind, place: { type: 'variable', name }, owner, expiresMs })
    }
  }

  async scanRoot(root: string, isNamed: boolean): Promise<void> {
    this.task.signal.throwIfAborted()
    let isDirectory
    let path
    try {
      // Someone named it, so a link is followed: this one, and none below it.
      path = await realpath(root)
      isDirectory = (await stat(path)).isDirectory()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (isNamed || code !== 'ENOENT')
        await this.skip(root, code === 'ENOENT' ? 'not-found' : 'unreadable', code)
      return
    }
    if (!isDirectory) return this.scanFile(Buffer.from(path))
    const skips: Promise<void>[] = []
    for await (const file of walkFiles(
      Buffer.from(path === '/' ? '' : path),
      this.task.limits,
      this.budget,
      (...skip) => void skips.push(this.skip(...skip)),
    )) {
      await this.scanFile(file)
      await Promise.all(skips.splice(0))
    }
    await Promise.all(skips)
  }

  private async scanFile(path: Buffer): Promise<void> {
    this.task.signal.throwIfAborted()
    const shown = pathText(path)
    const bytes = await this.read(path, shown)
    if (bytes === null) return
    this.result.files++
    this.result.bytes += bytes.length
    if (this.result.files % 200 === 0)
      this.task.onProgress?.({ files: this.result.files, bytes: this.result.bytes })
    const source = decodeText(bytes)
    if (source === null) return
    for (const { kind, start, owner, expiresMs } of await scanText(source.text, {
      path: shown,
      holdsSettings: settingsFile.test(shown),
    })) {
      this.add({
        kind,
        place: { type: 'file', path: await redact(shown), line: source.lineAt(start) },
        owner,
        expiresMs,
      })
    }
  }

  private async read(path: Buffer, shown: string): Promise<Buffer | null> {
    let file
    try {
      // Never through a link that took the file's place, and never waiting for a pipe that did.
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const status = await file.stat()
      if (!status.isFile() || this.isSeen(status)) return null
      if (status.size > this.task.limits.maxFileBytes) {
        await this.skip(shown, 'too-large')
        return null
      }
      // A file of /proc says that it is empty; one that grows is cut.
      const buffer = Buffer.alloc(Math.max(status.size, 65_536))
      let length = 0
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length)
        if (bytesRead === 0) break
        length += bytesRead
      }
      return buffer.subarray(0, length)
    } catch (error) {
      await this.skip(shown, 'unreadable', (error as NodeJS.ErrnoException).code)
      return null
    } finally {
      await file?.close()
    }
  }

  private isSeen({ dev, ino }: { dev: number; ino: number }): boolean {
    const id = `${dev}:${ino}`
    if (this.seen.has(id)) return true
    this.seen.add(id)
    return false
  }

  private add(finding: Finding): void {
    if (this.result.findings.length < this.task.limits.maxFindings) this.result.findings.push(finding)
    else
      this.result.skippedCounts['too-many-findings'] =
        (this.result.skippedCounts['too-many-findings'] ?? 0) + 1
  }

  private async skip(path: string, reason: SkipReason, detail?: string): Promise<void> {
    const count = (this.result.skippedCounts[reason] ?? 0) + 1
    this.result.skippedCounts[reason] = count
    if (count <= listedPerReason)
      this.result.skipped.push({ path: await redact(path), reason, detail: detail ?? null })
  }
}

/** For tests and callers that have a text already: line and kind of each credential in it. */
export async function searchText(
  raw: string,
  path: string,
): Promise<{ kind: Finding['kind']; line: number; owner: string | null }[]> {
  const source = joinLines(raw)
  const located = await scanText(source.text, { path, holdsSettings: settingsFile.test(path) })
  return located.map(({ kind, start, owner }) => ({ kind, line: source.lineAt(start), owner }))
}
