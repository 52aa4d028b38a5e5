// Checks that the vault is still the one that the cache describes. A bucket can be made again under its name, a store
// can be rebuilt, and an address can lead to another store. The packs that the cache names are then in no vault.
//
// A writer can't read the vault. It can add a key that exists, though, and learns from the 412 that it does. So each
// cache has an identity, and its vault has a few small objects below it, the proofs. Before each commit:
//
//   PUT one proof again:  412  the vault has it: the same vault
//                         200  the vault lacked it. PUT it once more:  412  another vault: begin the cache anew
//                                                                      200  the store ignores `If-None-Match`
//                         no reply  it may exist from now on, so it proves nothing any more: take the next proof
//   HEAD the last manifest, where the role may, unless a list has just shown it: a vault can have kept its proofs and
//   lost its snapshots
import { ulid } from 'ulid'
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { retryAfterDelay, uploadRetry } from '../../core/retry.ts'
import { putUnderNewKey } from '../../core/store/upload.ts'
import type { UploadEnvironment } from '../../core/store/upload.ts'
import { identityKey, manifestKey } from '../../core/store/vault-keys.ts'
import { CacheDamaged } from './cache-database.ts'

/** Each lost reply costs one; a new one takes its place as soon as another has proved the vault. */
const proofCount = 4

export interface VaultIdentity {
  /** A ULID: the cache has it from its first pack to its end. */
  id: string
  proofs: { id: string; isUnanswered: boolean }[]
  /** The store accepts a PUT with `If-None-Match: *` over a key that exists. */
  ignoresConditions: boolean
  /** False after the role was denied to look at its manifest. */
  mayLook: boolean
  /** False after the role was denied to list its manifests. */
  mayList: boolean
}

type Environment = UploadEnvironment & { source: string }

interface IdentityCache {
  identity(): VaultIdentity | null
  putIdentity(identity: VaultIdentity): void
  lastSnapshot(): { id: string; versionId: string; sha256: string } | null
}

/** For a cache that names nothing yet. */
export async function createIdentity(environment: Environment, cache: IdentityCache): Promise<void> {
  const id = ulid(environment.clock.nowMs(), environment.random)
  const identity: VaultIdentity = { id, proofs: [], ignoresConditions: false, mayLook: true, mayList: true }
  for (let count = 0; count < proofCount; count++) await addProof(environment, identity)
  cache.putIdentity(identity)
}

async function addProof(environment: Environment, identity: VaultIdentity): Promise<void> {
  let proof = ''
  await putUnderNewKey(environment, () => {
    proof = ulid(environment.clock.nowMs(), environment.random)
    return proofObject(environment.source, identity.id, proof)
  })
  identity.proofs.push({ id: proof, isUnanswered: false })
}

function proofObject(
  source: string,
  identity: string,
  proof: string,
): { key: string; body: Buffer; sha256: string } {
  const body = Buffer.from(`${JSON.stringify({ kind: 'identity', source, identity, proof })}\n`)
  return { key: identityKey(source, identity, proof), body, sha256: sha256Hex(body) }
}

/**
 * @returns why nothing could be proved; null if the vault is the cache's.
 * @throws CacheDamaged if it is another one, or if nothing can tell any more.
 */
export async function confirmVault(
  environment: Environment,
  cache: IdentityCache,
  isLastListed = false,
): Promise<string | null> {
  const identity = cache.identity()!
  const isProved = await putProofs(environment, cache, identity)
  const isSeen = isLastListed || (await findLastManifest(environment, cache, identity))
  if (isProved || isSeen) {
    await renewProofs(environment, cache, identity)
    return null
  }
  if (!identity.ignoresConditions)
    throw new CacheDamaged('no reply came to too many requests that would have proved the vault')
  // The first snapshot of a cache: all that it names was uploaded in this run.
  if (cache.lastSnapshot() === null) return null
  return 'the store ignores If-None-Match and this role may not look at its last snapshot: whether the vault is the one that the cache describes is unknown'
}

/** @returns false if no proof could be put. @throws the last failure if all proofs went without a reply in this run. */
async function putProofs(
  environment: Environment,
  cache: IdentityCache,
  identity: VaultIdentity,
): Promise<boolean> {
  if (identity.ignoresConditions || usableProof(identity) === undefined) return false
  const { clock, random, signal } = environment
  const isProofLeft = (error: unknown): boolean =>
    isHoldfastError(error) && error.retryable && usableProof(identity) !== undefined
  return retryAfterDelay(
    { ...uploadRetry, isRetryable: isProofLeft },
    { random, sleep: (ms) => clock.sleep(ms, signal) },
    async () => {
      signal?.throwIfAborted()
      const proof = usableProof(identity)!
      // First: after a crash the proof may exist because of this request.
      proof.isUnanswered = true
      cache.putIdentity(identity)
      const exists = await putAgain(environment, identity.id, proof.id)
      if (!exists) await assertIgnored(environment, identity, proof.id)
      proof.isUnanswered = false
      identity.ignoresConditions = !exists
      cache.putIdentity(identity)
      return exists
    },
  )
}

function usableProof(identity: VaultIdentity): VaultIdentity['proofs'][number] | undefined {
  return identity.proofs.find(({ isUnanswered }) => !isUnanswered)
}

/** @returns true if the store refused it, because the key exists. */
async function putAgain({ store, source }: Environment, identity: string, proof: string): Promise<boolean> {
  const { key, body, sha256 } = proofObject(source, identity, proof)
  try {
    await store.putIfAbsent(key, body, sha256)
    return false
  } catch (error) {
    if (!isHoldfastError(error, 'conflict')) throw error
    return true
  }
}

/** @throws CacheDamaged unless the store accepts again the proof that it has just accepted. */
async function assertIgnored(environment: Environment, { id }: VaultIdentity, proof: string): Promise<void> {
  if (await putAgain(environment, id, proof))
    throw new CacheDamaged(
      'the vault is another one than the cache describes: it was made again, or the address leads to another store',
    )
}

/**
 * @returns false if there is no last manifest, or if the role may not look.
 * @throws CacheDamaged if the vault lacks it.
 */
async function findLastManifest(
  { store, source }: Environment,
  cache: IdentityCache,
  identity: VaultIdentity,
): Promise<boolean> {
  const last = cache.lastSnapshot()
  if (last === null || !identity.mayLook) return false
  try {
    const { sha256 } = await store.headVersion({
      key: manifestKey(source, last.id),
      versionId: last.versionId,
    })
    if (sha256 !== null && sha256 !== last.sha256) throw lacksLast(last.id)
    return true
  } catch (error) {
    if (isHoldfastError(error, 'not-found')) throw lacksLast(last.id)
    if (!isHoldfastError(error, 'denied')) throw error
    identity.mayLook = false
    cache.putIdentity(identity)
    return false
  }
}

function lacksLast(id: string): CacheDamaged {
  return new CacheDamaged(`the vault doesn't have the last snapshot, ${id}`)
}

/**
 * In a vault that is the cache's. A failure costs nothing now: other proofs are left, or the next backup
 * tries again.
 */
async function renewProofs(
  environment: Environment,
  cache: IdentityCache,
  identity: VaultIdentity,
): Promise<void> {
  if (identity.ignoresConditions || identity.proofs.every(({ isUnanswered }) => !isUnanswered)) return
  identity.proofs = identity.proofs.filter(({ isUnanswered }) => !isUnanswered)
  try {
    while (identity.proofs.length < proofCount) await addProof(environment, identity)
  } catch (error) {
    if (!(error instanceof HoldfastError) || !uploadRetry.isRetryable(error)) throw error
  }
  cache.putIdentity(identity)
}
