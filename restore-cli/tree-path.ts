// Paths and patterns that a user types, relative to the root of a source.
import { HoldfastError } from '../core/errors.ts'
import { parsePathText } from '../core/tree/path-text.ts'
import type { TreePath } from '../engine/operations.ts'

const wildcard = /[*?[]/

/**
 * Texts with `*`, `?` or `[` are patterns; `\x2a` names the character itself.
 * @throws `invalid-input` as `parseTreePath`.
 */
export function parseSelection(texts: readonly string[]): { paths: TreePath[]; patterns: string[] } {
  const patterns = texts.filter((text) => wildcard.test(text))
  return { paths: texts.filter((text) => !wildcard.test(text)).map(parseTreePath), patterns }
}

/** The bytes of a path below the source's root. @throws `invalid-input` for an absolute path, or one with `..`. */
export function parseTreePath(text: string): TreePath {
  const trimmed = text.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '')
  const parts = trimmed.split('/')
  if (
    trimmed !== '' &&
    trimmed !== '.' &&
    !text.startsWith('/') &&
    !parts.some((part) => part === '' || part === '.' || part === '..')
  ) {
    return parsePathText(trimmed)
  }
  throw new HoldfastError('invalid-input', `${JSON.stringify(text)} is not a path below the source's root`, {
    hint: 'name it relative to the directory that was backed up, e.g. `uploads/2026`; leave it out to restore everything',
  })
}
