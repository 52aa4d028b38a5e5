// The files below a directory, as an agent would go through them: bounded, without following links, and
// reporting each skip.
import { readdirSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import ignore from 'ignore'
import { pathText } from '../../core/tree/path-text.ts'
import { failureOf } from './file-reader.ts'
import type { SkipReason } from './finding.ts'

export interface WalkLimits {
  maxEntries: number
  maxDepth: number
  /** Patterns of .gitignore, relative to each root: files and directories that are left out. */
  exclude: readonly string[]
}

export type OnSkip = (path: string, reason: SkipReason, detail?: string) => void

interface Folder {
  path: Buffer
  /** Relative to the root, with a `/` at the end; empty for the root. Patterns are compared with it. */
  relative: string
  depth: number
}

/**
 * Each regular file's path, as bytes, since names need not be UTF-8. Directories are read one at a time, in
 * the order of their names.
 */
export function* walkFiles(
  root: Buffer,
  limits: WalkLimits,
  budget: { entries: number },
  onSkip: OnSkip,
): Generator<Buffer> {
  const isExcluded = exclusion(limits.exclude)
  const pending: Folder[] = [{ path: root, relative: '', depth: 0 }]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const below: Folder[] = []
    for (const entry of readEntries(folder.path, onSkip)) {
      const path = Buffer.concat([folder.path, separator, entry.name])
      if (budget.entries >= limits.maxEntries) return onSkip(pathText(path), 'too-many-entries')
      budget.entries++
      const relative = `${folder.relative}${entry.name.toString()}`
      if (entry.isSymbolicLink()) onSkip(pathText(path), 'link')
      else if (entry.isFile()) {
        if (!isExcluded(relative)) yield path
      } else if (!entry.isDirectory() || isExcluded(`${relative}/`) || isObjectStore(path)) continue
      else if (folder.depth >= limits.maxDepth) onSkip(pathText(path), 'too-deep')
      else below.push({ path, relative: `${relative}/`, depth: folder.depth + 1 })
    }
    pending.push(...below.reverse())
  }
}

const separator = Buffer.from('/')

function readEntries(path: Buffer, onSkip: OnSkip): Dirent<Buffer>[] {
  try {
    // An empty path is the root of the file system.
    const entries = readdirSync(path.length === 0 ? separator : path, {
      withFileTypes: true,
      encoding: 'buffer',
    })
    return entries.sort((a, b) => Buffer.compare(a.name, b.name))
  } catch (error) {
    const { reason, detail } = failureOf(error as NodeJS.ErrnoException)
    onSkip(pathText(path), reason, detail)
    return []
  }
}

/** @throws nothing: a path that has no place in a pattern is not excluded. */
function exclusion(patterns: readonly string[]): (relative: string) => boolean {
  if (patterns.length === 0) return () => false
  const matcher = ignore({ allowRelativePaths: true }).add(patterns)
  return (relative) => matcher.ignores(relative)
}

/** Git's objects are compressed: no agent greps in there. */
function isObjectStore(path: Buffer): boolean {
  return path.toString('latin1').endsWith('/.git/objects')
}
