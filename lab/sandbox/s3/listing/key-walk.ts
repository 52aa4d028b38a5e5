// The walk behind every listing: applies prefix, delimiter and page size to entries in the order of their
// keys.

import { keyBytes } from '../catalog/catalog.ts'
import type { KeyRange, Position } from '../model.ts'

export interface ListedKey {
  key: string
}

export interface Walk<T extends ListedKey> {
  prefix: string
  /** An empty text stands for no delimiter. */
  delimiter: string
  maxKeys: number
  /** The entries of a range, in order. */
  entriesIn: (range: KeyRange) => T[]
  /** The first entry comes after this position. */
  start: Position
  /** The position after an entry: after its key, or after its version of the key. */
  positionOf: (entry: T) => Position
}

type Item<T> = { entry: T } | { commonPrefix: string }

export interface Page<T> {
  items: Item<T>[]
  isTruncated: boolean
}

const batch = 256

/** All keys under one common prefix are skipped in one step. */
export function walkKeys<T extends ListedKey>({
  prefix,
  delimiter,
  maxKeys,
  entriesIn,
  start,
  positionOf,
}: Walk<T>): Page<T> {
  const items: Item<T>[] = []
  if (maxKeys === 0) return { items, isTruncated: false }
  const below = prefix === '' ? null : successor(keyBytes(prefix))
  let position = skipTo(start, prefix)
  for (;;) {
    // Reads one entry more than the page holds, because it shows whether another page follows.
    const limit = Math.min(batch, maxKeys - items.length + 1)
    const entries = entriesIn({ after: position, below, limit })
    if (entries.length === 0) return { items, isTruncated: false }
    for (const entry of entries) {
      if (items.length === maxKeys) return { items, isTruncated: true }
      const commonPrefix = commonPrefixOf(entry.key, prefix, delimiter)
      if (commonPrefix === null) {
        items.push({ entry })
        position = positionOf(entry)
        continue
      }
      items.push({ commonPrefix })
      position = pastPrefix(commonPrefix)
      // Read again from after the prefix, because the other entries of this batch may lie under it.
      break
    }
  }
}

/** The key up to the first delimiter after the prefix, with the delimiter; null if there is none. */
function commonPrefixOf(key: string, prefix: string, delimiter: string): string | null {
  if (delimiter === '') return null
  const at = key.indexOf(delimiter, prefix.length)
  return at === -1 ? null : key.slice(0, at + delimiter.length)
}

/** The start of a page after `marker`. A marker that is a common prefix skips all keys under it. */
export function startAfter(
  marker: string,
  order: number | null,
  prefix: string,
  delimiter: string,
): Position {
  const isCommonPrefix =
    marker !== '' && marker.startsWith(prefix) && commonPrefixOf(marker, prefix, delimiter) === marker
  return isCommonPrefix ? pastPrefix(marker) : { key: keyBytes(marker), order }
}

// The bytes of a prefix followed by 0xff are greater than every key with that prefix, because UTF-8 never
// contains 0xff.
function pastPrefix(commonPrefix: string): Position {
  return { key: Buffer.concat([keyBytes(commonPrefix), Buffer.from([0xff])]), order: null }
}

// Skips the keys that sort before the prefix. The key that equals the prefix belongs to the walk.
function skipTo(start: Position, prefix: string): Position {
  const bytes = keyBytes(prefix)
  if (Buffer.compare(Buffer.from(start.key), bytes) >= 0 || bytes.length === 0) return start
  const before = Buffer.from(bytes)
  const last = before.length - 1
  const lastByte = before[last] ?? 0
  // The greatest position before the prefix: its last byte minus one, followed by 0xff.
  return {
    key:
      lastByte === 0
        ? before.subarray(0, last)
        : Buffer.concat([before.subarray(0, last), Buffer.from([lastByte - 1, 0xff])]),
    order: null,
  }
}

/**
 * The smallest bytes greater than every text that starts with `prefix`. UTF-8 never contains 0xff, so the
 * last byte can always grow.
 */
function successor(prefix: Buffer): Uint8Array {
  const next = Buffer.from(prefix)
  next[next.length - 1] = (next[next.length - 1] ?? 0) + 1
  return next
}
