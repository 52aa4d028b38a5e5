// Decides which entries of a source a backup leaves out, because its operator wants them left out.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'
import { isFollowedLink, namesOfBase } from './cluster-files.ts'
import type { ExcludeOptions, TreePath } from './operations.ts'
import { fits, parsePattern } from '../core/tree/path-pattern.ts'
import type { PathPattern } from '../core/tree/path-pattern.ts'

export const cachesRule = '--exclude-caches'
export const fileSystemRule = '--one-file-system'
/** See https://bford.info/cachedir/. */
export const cacheTagName = 'CACHEDIR.TAG'
const cacheSignature = 'Signature: 8a477f597d28d172789f06886806bc55'
const maxPatterns = 10_000

interface Rule {
  /** The pattern as the operator wrote it. */
  text: string
  pattern: PathPattern
}

export class Selection {
  private readonly rules: readonly Rule[]
  /** Makes the same selection in another thread. */
  readonly options: ExcludeOptions
  readonly leavesOutCaches: boolean
  readonly leavesOutFileSystems: boolean
  readonly isRunningCluster: boolean

  /** @throws `invalid-input` for a pattern that can't be used. */
  constructor(options: ExcludeOptions = {}) {
    const { patterns = [], caches = false, otherFileSystems = false, runningCluster = false } = options
    this.options = options
    if (patterns.length > maxPatterns) {
      throw new HoldfastError('invalid-input', `${patterns.length} patterns are more than ${maxPatterns}`, {
        hint: 'leave out whole directories instead of single files',
      })
    }
    // A byte is a character, as in the names that are compared with it.
    this.rules = patterns.map((text) => ({
      text,
      pattern: parsePattern(Buffer.from(text).toString('latin1')),
    }))
    this.leavesOutCaches = caches
    this.leavesOutFileSystems = otherFileSystems
    this.isRunningCluster = runningCluster
  }

  /** The rules in the order in which a report lists them. */
  get ruleNames(): string[] {
    return [
      ...this.rules.filter(({ pattern }) => !pattern.isNegated).map(({ text }) => text),
      ...(this.leavesOutCaches ? [cachesRule] : []),
      ...(this.leavesOutFileSystems ? [fileSystemRule] : []),
    ]
  }

  get isEmpty(): boolean {
    return this.rules.length === 0
  }

  /** True for a link whose target is walked in its place. */
  follows(path: TreePath): boolean {
    return this.isRunningCluster && isFollowedLink(path.toString('latin1'))
  }

  /** The names of a directory that may be in the snapshot. @param names in latin1. */
  namesIn(path: TreePath, names: string[]): string[] {
    return this.isRunningCluster ? namesOfBase(path.toString('latin1'), names) : names
  }

  /**
   * The pattern that leaves the entry out; null if none does. The last pattern that fits decides. An entry of a
   * directory that is left out is never asked for, so that no pattern takes it back in.
   */
  patternFor(path: TreePath, isDirectory: boolean): string | null {
    if (this.rules.length === 0 || path.length === 0) return null
    const names = path.toString('latin1').split('/')
    const rule = this.rules.findLast(({ pattern }) => fits(pattern, names, isDirectory))
    return rule === undefined || rule.pattern.isNegated ? null : rule.text
  }
}

/**
 * True for a regular file that begins with the signature of a cache's tag. @param path is not followed if it is a link.
 */
export function isCacheTag(path: Buffer): boolean {
  let descriptor: number
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return false
  }
  try {
    const head = Buffer.alloc(cacheSignature.length)
    return (
      fstatSync(descriptor).isFile() &&
      readSync(descriptor, head, 0, head.length, 0) === head.length &&
      head.toString('latin1') === cacheSignature
    )
  } catch {
    return false
  } finally {
    closeSync(descriptor)
  }
}
