// The walk behind every listing: prefix, delimiter and page size over entries that come in the order of their keys.

import { keyBytes } from '../catalog/catalog.ts'
import type { KeyRange, Position } from '../model.ts'

export interface ListedKey {
  key: string
}

export interface Walk<T extends ListedKey> {
  prefix: string
  /** Empty: none. */
  delimiter: string
  maxKeys: number
  /** The entries of a range, in order. */
  entriesIn: (range: KeyRange) => T[]
  /** Where the walk starts. */
  start: Position
  /** The position right after an entry: past the key, or past the version of a key. */
  positionOf: (entry: T) => Position
}

type Item<T> = { entry: T } | { commonPrefix: string }

export interface Page<T> {
  items: Item<T>[]
  isTruncated: boolean
}

const batch = 256

/** Keys that share a common prefix are skipped in one step, however many they are. */
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
    // One more than fits tells whether there is a next page.
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
      // What is left of this batch may lie under the same prefix.
      break
    }
  }
}

/** Up to and with the first delimiter after the prefix; null if there is none. */
function commonPrefixOf(key: string, prefix: string, delimiter: string): string | null {
  if (delimiter === '') return null
  const at = key.indexOf(delimiter, prefix.length)
  return at === -1 ? null : key.slice(0, at + delimiter.length)
}

/** Where a page starts after `marker`: past everything below it if it is itself a common prefix that a page ended with. */
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

// Nothing that starts with the prefix is greater than its bytes followed by 0xff, which no UTF-8 text holds.
function pastPrefix(commonPrefix: string): Position {
  return { key: Buffer.concat([keyBytes(commonPrefix), Buffer.from([0xff])]), order: null }
}

// Keys below the prefix needn't be walked. The key that equals the prefix belongs to the walk.
function skipTo(start: Position, prefix: string): Position {
  const bytes = keyBytes(prefix)
  if (Buffer.compare(Buffer.from(start.key), bytes) >= 0 || bytes.length === 0) return start
  const before = Buffer.from(bytes)
  const last = before.length - 1
  const lastByte = before[last] ?? 0
  // The greatest position below the prefix: its last byte less one, followed by what is greater than any key's rest.
  return {
    key:
      lastByte === 0
        ? before.subarray(0, last)
        : Buffer.concat([before.subarray(0, last), Buffer.from([lastByte - 1, 0xff])]),
    order: null,
  }
}

/** The least bytes greater than all that start with `prefix`. UTF-8 has no byte 0xff, so the last one can always grow. */
function successor(prefix: Buffer): Uint8Array {
  const next = Buffer.from(prefix)
  next[next.length - 1] = (next[next.length - 1] ?? 0) + 1
  return next
}
