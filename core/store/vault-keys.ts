// Where things lie in a vault. Keys that come back from a listing are hostile until they have been parsed here.
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

/** Throws `invalid-input` unless `name` is a source's name: lower-case letters, digits and hyphens, 63 at most. */
export function assertSourceName(name: string): void {
  if (isSourceName(name)) return
  throw new HoldfastError('invalid-input', `${JSON.stringify(name)} is not a source's name`, {
    hint: 'use lower-case letters, digits and hyphens, 63 characters at most, e.g. `rental-db`',
  })
}

export function packKey(source: string, generation: string, ulid: string, sha256: string): string {
  return `sources/${source}/packs/${generation}/${ulid}-${sha256}`
}

/** What a pack's key says of it; null if `key` is not one. */
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
  return `sources/${source}/manifests/`
}

export function manifestKey(source: string, ulid: string): string {
  return manifestPrefix(source) + ulid
}

/** What a manifest's key says of it; null if `key` is not one. */
export function parseManifestKey(key: string): { source: string; ulid: string } | null {
  const parts = key.split('/')
  const [sources, source, manifests, ulid] = parts
  if (parts.length !== 4 || sources !== 'sources' || manifests !== 'manifests') return null
  return isSourceName(source!) && isUlid(ulid!) ? { source: source!, ulid: ulid! } : null
}
