// Lists a directory of a snapshot: of the tree, only the nodes are read in which its entries may lie.
import { HoldfastError } from '../errors.ts'
import { pathText } from '../tree/path-text.ts'
import { isAtOrBelow, readTree, selectDirectory, selectPaths } from '../tree/tree.ts'
import type { ChunkSource } from '../tree/tree.ts'
import type { TreeEntry } from '../tree/tree-entry.ts'

interface ListingOptions {
  /** Empty: the root of the source. */
  path: Buffer
  /** Also what lies deeper. */
  recursive: boolean
}

/**
 * Yields the entries of the directory in order, some at a time; if the path is no directory, its entry alone.
 * @throws `not-found`, `damaged`.
 */
export async function* listEntries(
  source: ChunkSource,
  root: Buffer,
  { path, recursive }: ListingOptions,
): AsyncGenerator<TreeEntry[]> {
  const selection = recursive ? selectPaths([path]) : selectDirectory(path)
  let isFound = false
  for await (const leaf of readTree(source, root, selection)) {
    const entries: TreeEntry[] = []
    for (const entry of leaf) {
      if (!isAtOrBelow(entry.path, path)) continue
      isFound = true
      if (entry.type !== 'directory' || !entry.path.equals(path)) entries.push(entry)
    }
    if (entries.length > 0) yield entries
  }
  if (isFound) return
  throw new HoldfastError('not-found', `the snapshot holds no ${pathText(path)}`, {
    hint: 'paths are relative to the root of the source, e.g. `uploads/2026`; `holdfast find` searches all snapshots for a name',
  })
}
