// The packs of the last attested snapshot, which the next one names too. The notary read them then, and their
// locks in COMPLIANCE never become shorter: so a run asks the store for what is new alone.
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { ChunkReader } from '../../core/restore-plan/chunk-reader.ts'
import type { PackReference } from '../../core/snapshot/manifest.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import { loadSnapshot } from '../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { parsePackKey } from '../../core/store/vault-keys.ts'
import type { VerifiedPack } from '../../engine/operations.ts'
import { footerDigest } from '../../engine/verify/footer-digest.ts'
import type { Verification } from '../../engine/verify/verify.ts'

interface EarlierPack {
  pack: PackReference
  verified: VerifiedPack
}

export class EarlierPacks {
  readonly snapshot: Snapshot
  private readonly packs: ReadonlyMap<string, EarlierPack>

  private constructor(snapshot: Snapshot, stateOf: (pack: PackReference, number: number) => VerifiedPack) {
    this.snapshot = snapshot
    this.packs = new Map(
      snapshot.manifest.packs.map((pack, number) => [pack.sha256, { pack, verified: stateOf(pack, number) }]),
    )
  }

  /** After an attestation in this run. */
  static of(snapshot: Snapshot, verification: Verification): EarlierPacks {
    return new EarlierPacks(snapshot, (pack) => {
      const { lock = null, footerSha256 } = verification.stateOf(pack)
      return { footerSha256, lock: lock?.mode === 'COMPLIANCE' ? lock : null }
    })
  }

  /** From the vault. Null if the manifest is no longer what the receipt attests. */
  static async load(store: ObjectStore, ref: SnapshotRef, receipt: Receipt): Promise<EarlierPacks | null> {
    try {
      const snapshot = await loadSnapshot(store, ref)
      if (snapshot.sha256 !== receipt.manifest.sha256) return null
      const { footers } = await ChunkReader.open(store, snapshot.manifest)
      const locks = locksOf(receipt)
      return new EarlierPacks(snapshot, (pack, number) => {
        const footer = footers[number] ?? null
        return {
          footerSha256: footer === null ? null : footerDigest(footer),
          lock: locks.get(parsePackKey(pack.key)!.generation) ?? null,
        }
      })
    } catch (error) {
      if (!isHoldfastError(error, ...objectFailures)) throw error
      return null
    }
  }

  /** @param untilMs a pack whose lock may end earlier is looked at again. */
  find(pack: PackReference, untilMs: number): VerifiedPack | null {
    const earlier = this.packs.get(pack.sha256)
    if (earlier === undefined) return null
    const { key, versionId, bytes } = earlier.pack
    if (key !== pack.key || versionId !== pack.versionId || bytes !== pack.bytes) return null
    const { footerSha256, lock } = earlier.verified
    return { footerSha256, lock: lock !== null && lock.untilMs >= untilMs ? lock : null }
  }
}

/** A lock in GOVERNANCE can become shorter: it proves nothing later. */
function locksOf({ guarantee, generations }: Receipt): Map<string, NonNullable<VerifiedPack['lock']>> {
  if (guarantee.mode !== 'COMPLIANCE') return new Map()
  return new Map(
    generations.map(({ name, lockedUntilMs }) => [name, { mode: 'COMPLIANCE', untilMs: lockedUntilMs }]),
  )
}
