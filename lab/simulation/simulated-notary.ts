// The notary of a simulated world: it attests the snapshots of the record. Its receipts come from the model, never from
// the product's notary, so that they tell which snapshot the custodian must keep.
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { ulid } from 'ulid'
import { sha256Hex } from '../../core/digest.ts'
import { encodeReceipt } from '../../core/snapshot/receipt.ts'
import type { Receipt } from '../../core/snapshot/receipt.ts'
import { keyIdOf, TrustedKeys } from '../../core/signature.ts'
import type { Signer } from '../../core/signature.ts'
import { receiptKey } from '../../core/store/vault-keys.ts'
import type { WorldClock } from './clocks.ts'
import { objectsOf, promiseDays } from './committed-snapshots.ts'
import type { Committed, CommittedSnapshots } from './committed-snapshots.ts'
import type { Seeded } from './random.ts'
import { sourceName } from './source-tree.ts'
import { dayMs } from './vault.ts'
import type { StoredVersion, Vault } from './vault.ts'

/** One key pair for all worlds of a process: making one takes longer than a step. */
const { publicKey, privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

const signer: Signer = {
  keyId: keyIdOf(createPublicKey(publicKey)),
  sign: (message) => Promise.resolve(sign('sha256', message, privateKey)),
}

export const notaryKeys = TrustedKeys.parse(publicKey, 'the simulated notary')

interface NotaryParts {
  readonly vault: Vault
  readonly clock: WorldClock
  readonly random: Seeded
  readonly snapshots: CommittedSnapshots
}

export class SimulatedNotary {
  private readonly parts: NotaryParts
  /** The receipt of each snapshot that was examined. */
  private readonly receipts = new Map<Committed, StoredVersion>()
  private good: Committed[] = []

  constructor(parts: NotaryParts) {
    this.parts = parts
  }

  /** Writes a receipt for each snapshot that is whole and has none. */
  async attest(): Promise<void> {
    const { vault, snapshots } = this.parts
    for (const snapshot of snapshots.list) {
      if (this.receipts.has(snapshot) || !this.isWhole(snapshot) || snapshots.isCorrupt(snapshot)) continue
      const last = this.lastGood()
      const isCollapsed = last !== null && hasCollapsed(snapshot.manifest.tree, last.manifest.tree)
      const receipt = this.receiptOf(snapshot, isCollapsed)
      const body = await encodeReceipt(receipt, signer)
      const key = receiptKey(sourceName, snapshot.id, receipt.id)
      this.receipts.set(snapshot, vault.put(key, body, sha256Hex(body)))
      if (snapshot.manifest.complete && !isCollapsed) this.good.push(snapshot)
    }
  }

  /** The newest snapshot that is good and in the vault with its receipt. */
  lastGood(): Committed | null {
    this.good = this.good.filter((snapshot) => this.isWhole(snapshot) && this.isAttested(snapshot))
    const readable = this.good.filter(
      (snapshot) => this.parts.vault.find(snapshot)!.turnedOffsets.length === 0,
    )
    return readable.reduce<Committed | null>(
      (last, snapshot) => (last === null || isNewer(snapshot, last) ? snapshot : last),
      null,
    )
  }

  private isAttested(snapshot: Committed): boolean {
    const receipt = this.receipts.get(snapshot)
    return receipt !== undefined && this.parts.vault.find(receipt) !== undefined
  }

  private isWhole(snapshot: Committed): boolean {
    return objectsOf(snapshot).every((ref) => this.parts.vault.find(ref) !== undefined)
  }

  private receiptOf({ id, versionId, sha256, timeMs, manifest }: Committed, isCollapsed: boolean): Receipt {
    const { clock, random } = this.parts
    const { tree } = manifest
    return {
      kind: 'receipt',
      formatVersion: 1,
      source: sourceName,
      id: ulid(clock.serverMs, random.next),
      manifest: { id, versionId, sha256, timeMs },
      outcome: 'attested',
      snapshot: {
        complete: manifest.complete,
        files: tree.files,
        entries: tree.entries,
        bytes: tree.bytes,
        packs: manifest.packs.length,
        parentId: manifest.parent?.id ?? null,
      },
      flags: isCollapsed ? [{ kind: 'collapsed', detail: 'less than half of the last good one' }] : [],
      acceptedFlags: [],
      findings: [],
      findingCount: 0,
      guarantee: { mode: 'COMPLIANCE', days: promiseDays },
      lockedUntilMs: timeMs + promiseDays * dayMs,
      generations: [],
      packsRead: manifest.packs.length,
      bytesRead: 0,
      checkedMs: clock.serverMs,
      notaryVersion: 'simulation',
    }
  }
}

function hasCollapsed(tree: Committed['manifest']['tree'], last: Committed['manifest']['tree']): boolean {
  return tree.files * 2 < last.files || tree.bytes * 2 < last.bytes
}

function isNewer(snapshot: Committed, last: Committed): boolean {
  return snapshot.timeMs > last.timeMs || (snapshot.timeMs === last.timeMs && snapshot.id > last.id)
}
