// The files below a directory, as an agent would go through them: bounded, without following links, and saying what was left out.
import { readdir } from 'node:fs/promises'
import { pathText } from '../../core/tree/path-text.ts'
import type { SkipReason } from './finding.ts'

export interface WalkLimits {
  maxEntries: number
  maxDepth: number
  /** Names of directories that are left out. */
  exclude: readonly string[]
}

export type OnSkip = (path: string, reason: SkipReason, detail?: string) => void

/** Each regular file's path, as bytes, since names need not be UTF-8. Directories are read one at a time, in the order of their names. */
export async function* walkFiles(
  root: Buffer,
  limits: WalkLimits,
  budget: { entries: number },
  onSkip: OnSkip,
): AsyncGenerator<Buffer> {
  const pending: { path: Buffer; depth: number }[] = [{ path: root, depth: 0 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, depth } = next
    let entries
    try {
      entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' })
    } catch (error) {
      onSkip(pathText(path), 'unreadable', (error as NodeJS.ErrnoException).code)
      continue
    }
    const below: typeof pending = []
    for (const entry of entries.sort((left, right) => Buffer.compare(left.name, right.name))) {
      const child = Buffer.concat([path, separator, entry.name])
      if (budget.entries >= limits.maxEntries) return onSkip(pathText(child), 'too-many-entries')
      budget.entries++
      if (entry.isSymbolicLink()) onSkip(pathText(child), 'link')
      else if (entry.isFile()) yield child
      else if (!entry.isDirectory() || isExcluded(child, entry.name, limits)) continue
      else if (depth >= limits.maxDepth) onSkip(pathText(child), 'too-deep')
      else below.push({ path: child, depth: depth + 1 })
    }
    pending.push(...below.reverse())
  }
}

const separator = Buffer.from('/')

function isExcluded(path: Buffer, name: Buffer, limits: WalkLimits): boolean {
  // Compressed: nobody greps in there.
  return limits.exclude.includes(name.toString()) || path.toString('latin1').endsWith('/.git/objects')
}
