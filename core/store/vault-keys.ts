// The layout of a vault's keys:
//
//   sources/<source>/packs/<generation>/<ULID>-<SHA-256 of the pack>
//   sources/<source>/manifests/<ULID>
//
// Policies name the same prefixes by guardrails/names.ts, which may not import this file: a test holds both
// equal. Keys that a listing returns are hostile until the functions here have parsed them.
import { HoldfastError } from '../errors.ts'

const sourcePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const generationPattern = /^[0-9]{8}T[0-9]{6}Z-(?:compliance|governance|unlocked)-[0-9]{1,5}d$/
const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const sha256Pattern = /^[0-9a-f]{64}$/

export function isSourceName(name: string): boolean {
  return sourcePattern.test(name)
}

export function isUlid(text: string): boolean {
  return ulidPattern.test(text)
}

/**
 * Throws `invalid-input` unless `name` is a source's name: lower-case letters, digits and hyphens, 63 at
 * most.
 */
export function assertSourceName(name: string): void {
  if (isSourceName(name)) return
  throw new HoldfastError('invalid-input', `${JSON.stringify(name)} is not a source's name`, {
    hint: 'use lower-case letters, digits and hyphens, 63 characters at most, e.g. `rental-db`',
  })
}

/** Above the folders of all sources. */
export const sourcesPrefix = 'sources/'

/** Everything that one source's writer may add. */
export function sourcePrefix(source: string): string {
  return `${sourcesPrefix}${source}/`
}

export function packPrefix(source: string): string {
  return `${sourcePrefix(source)}packs/`
}

export function packKey(source: string, generation: string, ulid: string, sha256: string): string {
  return `${packPrefix(source)}${generation}/${ulid}-${sha256}`
}

/** The parts of a pack's key; null if `key` is not one. */
export function parsePackKey(
  key: string,
): { source: string; generation: string; ulid: string; sha256: string } | null {
  const parts = key.split('/')
  const [sources, source, packs, generation, name] = parts
  if (parts.length !== 5 || sources !== 'sources' || packs !== 'packs') return null
  const ulid = name!.slice(0, 26)
  const sha256 = name!.slice(27)
  if (!isSourceName(source!) || !generationPattern.test(generation!) || name![26] !== '-') return null
  if (!isUlid(ulid) || !sha256Pattern.test(sha256)) return null
  return { source: source!, generation: generation!, ulid, sha256 }
}

export function manifestPrefix(source: string): string {
  return `${sourcePrefix(source)}manifests/`
}

export function manifestKey(source: string, ulid: string): string {
  return manifestPrefix(source) + ulid
}

/** The parts of a manifest's key; null if `key` is not one. */
export function parseManifestKey(key: string): { source: string; ulid: string } | null {
  const parts = key.split('/')
  const [sources, source, manifests, ulid] = parts
  if (parts.length !== 4 || sources !== 'sources' || manifests !== 'manifests') return null
  return isSourceName(source!) && isUlid(ulid!) ? { source: source!, ulid: ulid! } : null
}
