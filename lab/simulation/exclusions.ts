// The rules by which a simulated operator leaves out entries, and the model of what they mean. No part of the model
// comes from the code under test.
import type { Seeded } from './random.ts'
import { isWithin } from './source-tree.ts'
import type { Expected, SourceTree, TreeNode } from './source-tree.ts'

export interface Exclusion {
  /** As on the command line. */
  pattern: string
  fits: (path: string, node: Readonly<TreeNode>) => boolean
}

export interface Kept {
  /** The entries that the rules keep. */
  expected: Expected
  /** How many entries each pattern leaves out. What lies below them is not counted. */
  counts: ReadonlyMap<string, number>
}

/** Without the characters that mean something in a pattern. */
const plainName = /^[a-z.-][a-z. -]*[a-z]$|^[a-z]$/

/** Up to three rules, each of which fits an entry of the tree. */
export function drawExclusions(tree: SourceTree, random: Seeded): Exclusion[] {
  const plain = [...tree.nodes.keys()].filter((path) => path.split('/').every((name) => plainName.test(name)))
  const drawn = new Map<string, Exclusion>()
  for (let count = plain.length === 0 ? 0 : 1 + random.below(3); count > 0; count--) {
    const exclusion = exclusionOf(random.pick(plain), random)
    drawn.set(exclusion.pattern, exclusion)
  }
  return [...drawn.values()]
}

function exclusionOf(path: string, random: Seeded): Exclusion {
  const name = nameOf(path)
  const kind = random.pick(['path', 'path', 'name', 'directory', 'beginning'] as const)
  if (kind === 'path') return { pattern: `/${path}`, fits: (candidate) => candidate === path }
  if (kind === 'name') return { pattern: name, fits: (candidate) => nameOf(candidate) === name }
  if (kind === 'directory')
    return {
      pattern: `${name}/`,
      fits: (candidate, node) => node.kind === 'directory' && nameOf(candidate) === name,
    }
  return { pattern: `${name[0]!}*`, fits: (candidate) => nameOf(candidate).startsWith(name[0]!) }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function applyExclusions(whole: Expected, exclusions: readonly Exclusion[]): Kept {
  const counts = new Map(exclusions.map(({ pattern }) => [pattern, 0]))
  const fitting = new Map<string, string>()
  for (const [path, node] of whole) {
    // The last rule that fits decides, as in .gitignore.
    const exclusion = exclusions.findLast(({ fits }) => path !== '' && fits(path, node))
    if (exclusion !== undefined) fitting.set(path, exclusion.pattern)
  }
  const isBelow = (path: string): boolean =>
    [...fitting.keys()].some((ancestor) => ancestor !== path && isWithin(path, ancestor))
  for (const [path, pattern] of fitting) if (!isBelow(path)) counts.set(pattern, counts.get(pattern)! + 1)
  const expected = new Map([...whole].filter(([path]) => !fitting.has(path) && !isBelow(path)))
  return { expected, counts }
}
