// The entries of a tree that a user selects: by paths, by patterns, or all. Below a selected directory, all entries
// are selected.
import { HoldfastError } from '../errors.ts'
import { fits, literalNames, mayFitBelow, parsePattern } from './path-pattern.ts'
import type { PathPattern } from './path-pattern.ts'
import { pathText } from './path-text.ts'
import { isAtOrBelow, isSelected } from './tree.ts'
import type { TreeEntry } from './tree-entry.ts'

/** A pattern, and its text as the user wrote it. */
interface NamedPattern {
  text: string
  pattern: PathPattern
}

/** @throws `invalid-input` for a pattern that fits nothing, or takes entries back. */
export function parseSelectingPattern(text: string): PathPattern {
  // A byte is a character, as in the names that are compared with it.
  const pattern = parsePattern(Buffer.from(text).toString('latin1'))
  if (!pattern.isNegated) return pattern
  throw new HoldfastError(
    'invalid-input',
    `the pattern ${JSON.stringify(text.slice(0, 200))} selects nothing`,
    {
      hint: 'a pattern that begins with `!` takes entries back, which only `backup --exclude` does: write `\\!` for the character',
    },
  )
}

export class PathSelection {
  readonly paths: readonly Buffer[]
  private readonly patterns: readonly NamedPattern[]

  /** @throws `invalid-input` for a pattern that can't be used. */
  constructor(paths: readonly Buffer[] = [], patterns: readonly string[] = []) {
    this.paths = paths
    this.patterns = patterns.map((text) => ({ text, pattern: parseSelectingPattern(text) }))
  }

  get isAll(): boolean {
    return this.paths.some(({ length }) => length === 0) || this.paths.length + this.patterns.length === 0
  }

  get patternTexts(): string[] {
    return this.patterns.map(({ text }) => text)
  }

  /** Paths and patterns as text. */
  get names(): string[] {
    return [...this.paths.map(pathText), ...this.patternTexts]
  }

  /** Entries that are not at, above or below one of these paths are not selected. */
  get bases(): Buffer[] {
    return this.isAll ? [] : [...this.paths, ...this.patterns.map(({ pattern }) => basePath(pattern))]
  }

  /** True for a path that is selected, lies below a selected one, or may lie above a selected one. */
  concerns(path: Buffer): boolean {
    if (this.isAll || isSelected(path, this.paths)) return true
    const names = namesOf(path)
    return this.patterns.some(
      ({ pattern }) =>
        mayFitBelow(pattern, names) ||
        names.some((_, index) => fits(pattern, names.slice(0, index + 1), true)) ||
        fits(pattern, names, false),
    )
  }

  filter(): EntryFilter {
    return new EntryFilter(this, this.patterns)
  }
}

/** Passes on the selected entries of a tree, and the directories above them. */
export class EntryFilter {
  private readonly selection: PathSelection
  private readonly patterns: readonly NamedPattern[]
  /** The directories above the current entry that were not passed on. */
  private pending: TreeEntry[] = []
  /** The innermost directory that a pattern fits. */
  private top: Buffer | null = null
  private readonly unmatchedPaths: Set<string>
  private readonly unmatchedPatterns: Set<PathPattern>

  constructor(selection: PathSelection, patterns: readonly NamedPattern[]) {
    this.selection = selection
    this.patterns = patterns
    this.unmatchedPaths = new Set(
      selection.paths.filter(({ length }) => length > 0).map((path) => path.toString('latin1')),
    )
    this.unmatchedPatterns = new Set(patterns.map(({ pattern }) => pattern))
  }

  /** Takes the next entry, in the order of the tree. Returns what is now known to be selected, in the same order. */
  take(entry: TreeEntry): readonly TreeEntry[] {
    if (this.unmatchedPaths.size > 0) this.unmatchedPaths.delete(entry.path.toString('latin1'))
    if (this.patterns.length === 0) return [entry]
    this.pending = this.pending.filter(({ path }) => isAtOrBelow(entry.path, path))
    if (this.includes(entry)) {
      const selected = [...this.pending, entry]
      this.pending = []
      return selected
    }
    if (entry.type === 'directory') this.pending.push(entry)
    return []
  }

  /** The paths that were not in the tree. */
  get missingPaths(): Buffer[] {
    return [...this.unmatchedPaths].map((name) => Buffer.from(name, 'latin1'))
  }

  /** The patterns that no entry fitted. */
  get unmatched(): string[] {
    return this.patterns.filter(({ pattern }) => this.unmatchedPatterns.has(pattern)).map(({ text }) => text)
  }

  private includes({ path, type }: TreeEntry): boolean {
    const isDirectory = type === 'directory'
    const { paths, isAll } = this.selection
    let isIncluded = isAll || (paths.length > 0 && isSelected(path, paths))
    if (this.top !== null && isAtOrBelow(path, this.top)) isIncluded = true
    else this.top = null
    const names = namesOf(path)
    for (const { pattern } of this.patterns) {
      if (!fits(pattern, names, isDirectory)) continue
      this.unmatchedPatterns.delete(pattern)
      isIncluded = true
      if (isDirectory) this.top ??= path
    }
    return isIncluded
  }
}

/** The names of a path, a character for each byte. */
export function namesOf(path: Buffer): string[] {
  return path.length === 0 ? [] : path.toString('latin1').split('/')
}

/** The directory in which all lies that the pattern fits. */
export function basePath(pattern: PathPattern): Buffer {
  return Buffer.from(literalNames(pattern).join('/'), 'latin1')
}
