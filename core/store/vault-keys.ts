// The layout of a vault's keys:
//
//   sources/<source>/packs/<generation>/<ULID>-<SHA-256 of the pack>
//   sources/<source>/manifests/<ULID>
//   sources/<source>/identities/<ULID of the identity>/<ULID>
//   sources/<source>/wal/…   see core/wal/wal-keys.ts
//   receipts/<source>/<ULID of the manifest>/<ULID>
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

/** The days of the lock that a generation's name gives; 0 for a generation without a lock. */
export function lockDaysOfGeneration(generation: string): number {
  return Number(generation.slice(generation.lastIndexOf('-') + 1, -1))
}

/**
 * The SHA-256 of a pack that a user names by its key or by its hash.
 * @throws `invalid-input` for another text, or for a pack of another source.
 */
export function parsePackName(text: string, source: string): string {
  if (sha256Pattern.test(text)) return text
  const key = parsePackKey(text)
  if (key?.source === source) return key.sha256
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(text.slice(0, 200))} is not a pack of ${source}`,
    { hint: 'give the key of a pack, as `holdfast verify` prints it, or its SHA-256' },
  )
}

export function manifestPrefix(source: string): string {
  return `${sourcePrefix(source)}manifests/`
}

export function manifestKey(source: string, ulid: string): string {
  return manifestPrefix(source) + ulid
}

export function identityPrefix(source: string): string {
  return `${sourcePrefix(source)}identities/`
}

/** A proof of the vault's identity: see engine/backup/vault-identity.ts. */
export function identityKey(source: string, identity: string, proof: string): string {
  return `${identityPrefix(source)}${identity}/${proof}`
}

/** The parts of a proof's key; null if `key` is not one. */
export function parseIdentityKey(key: string): { source: string; identity: string; proof: string } | null {
  const parts = key.split('/')
  const [sources, source, identities, identity, proof] = parts
  if (parts.length !== 5 || sources !== 'sources' || identities !== 'identities') return null
  if (!isSourceName(source!) || !isUlid(identity!) || !isUlid(proof!)) return null
  return { source: source!, identity: identity!, proof: proof! }
}

/** The parts of a manifest's key; null if `key` is not one. */
export function parseManifestKey(key: string): { source: string; ulid: string } | null {
  const parts = key.split('/')
  const [sources, source, manifests, ulid] = parts
  if (parts.length !== 4 || sources !== 'sources' || manifests !== 'manifests') return null
  return isSourceName(source!) && isUlid(ulid!) ? { source: source!, ulid: ulid! } : null
}

/** Above the records with which on-call confirms that test alarms arrive. */
export const acknowledgementsPrefix = 'acknowledgements/'
/** Above the receipts of all sources: only the notary may write there. */
export const receiptsPrefix = 'receipts/'

export function receiptPrefix(source: string): string {
  return `${receiptsPrefix}${source}/`
}

export function receiptKey(source: string, manifestId: string, ulid: string): string {
  return `${receiptPrefix(source)}${manifestId}/${ulid}`
}

/** The parts of a receipt's key; null if `key` is not one. */
export function parseReceiptKey(key: string): { source: string; manifestId: string; id: string } | null {
  const parts = key.split('/')
  const [receipts, source, manifestId, id] = parts
  if (parts.length !== 4 || receipts !== 'receipts' || !isSourceName(source!)) return null
  return isUlid(manifestId!) && isUlid(id!) ? { source: source!, manifestId: manifestId!, id: id! } : null
}

export function isIdentityKey(key: string): boolean {
  const parts = key.split('/')
  const [sources, source, identities, identity, proof] = parts
  if (parts.length !== 5 || sources !== 'sources' || identities !== 'identities') return false
  return isSourceName(source!) && isUlid(identity!) && isUlid(proof!)
}
