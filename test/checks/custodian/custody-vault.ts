// A vault in memory whose locks can be extended and whose versions can be pruned, with handmade snapshots in it.
import { ulid } from 'ulid'
import { applyPlan } from '../../../checks/custodian/deed.ts'
import type { DeedResult } from '../../../checks/custodian/deed.ts'
import type { CustodyPlan, CustodyRules, SourcePlan } from '../../../checks/custodian/custody-plan.ts'
import { planCustody } from '../../../checks/custodian/plan-custody.ts'
import type { PlanOptions } from '../../../checks/custodian/plan-custody.ts'
import { sha256Hex } from '../../../core/digest.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import type { Manifest, PackReference } from '../../../core/snapshot/manifest.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import type { LockExtender, VersionPruner } from '../../../core/store/custody.ts'
import type { LockMode, ObjectRef, ObjectState } from '../../../core/store/object-store.ts'
import { packKey } from '../../../core/store/vault-keys.ts'
import { HandmadeVault, handmadeGeneration, sha256Of } from '../../fixtures/handmade-vault.ts'
import { putReceipt } from '../../fixtures/handmade-receipt.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'
import type { StoredVersion } from '../../fixtures/memory-store.ts'
import { TestSigner } from '../../fixtures/test-signer.ts'

/** As the vault's bucket: the custodian's role may extend and prune, and the policy caps the lock. */
export class CustodyStore extends MemoryStore implements LockExtender, VersionPruner {
  /** Every change, as one line. */
  readonly changes: string[] = []
  /** Called before each change; may throw. */
  beforeChange: () => void = () => {}
  capDays = 45
  private readonly extended = new Map<string, number>()

  /** As the notary asks for the time of its writes. */
  get serverTimeMs(): number {
    return this.nowMs
  }

  lockEndOf({ versionId, lastModifiedMs, lock }: StoredVersion): number {
    return this.extended.get(versionId) ?? lastModifiedMs + (lock?.days ?? 0) * dayMs
  }

  override async headVersion(ref: ObjectRef): Promise<ObjectState> {
    const state = await super.headVersion(ref)
    const untilMs = this.extended.get(ref.versionId)
    return untilMs === undefined || !state.lock ? state : { ...state, lock: { ...state.lock, untilMs } }
  }

  async extendLock(ref: ObjectRef, { untilMs }: { mode: LockMode; untilMs: number }): Promise<void> {
    this.beforeChange()
    await super.headVersion(ref)
    const version = this.versions.find(({ versionId }) => versionId === ref.versionId)!
    if (untilMs < this.lockEndOf(version)) throw new HoldfastError('denied', 'a lock can not be shortened')
    if (untilMs > this.nowMs + this.capDays * dayMs) throw new HoldfastError('denied', 'beyond the cap')
    this.extended.set(ref.versionId, untilMs)
    this.changes.push(`extend ${ref.key}`)
  }

  async deleteVersion(ref: ObjectRef): Promise<void> {
    this.beforeChange()
    await Promise.resolve()
    const version = this.versions.find(({ versionId }) => versionId === ref.versionId)
    if (version === undefined) return
    if (!version.isDeleteMarker && this.lockEndOf(version) > this.nowMs)
      throw new HoldfastError('denied', `${ref.key} is locked`)
    this.versions = this.versions.filter((candidate) => candidate !== version)
    this.changes.push(`prune ${ref.key}`)
  }
}

export const rules: CustodyRules = {
  promiseDays: 30,
  renewal: 'upload',
  graceDays: 3,
  maxPrunes: 100_000,
  maxPruneShare: 1,
  retiredSources: new Set(),
}

const signer = new TestSigner()
const root = sha256Of(Buffer.from('root'))
let packSeed = 0

export class CustodyVault extends HandmadeVault {
  declare readonly store: CustodyStore
  readonly signal = new AbortController().signal
  readonly clock = new ManualClock()

  constructor(source = 'files') {
    super(new CustodyStore(), source)
  }

  passDays(days: number): void {
    this.store.nowMs += days * dayMs
  }

  /** A pack of a few bytes that hold nothing: the custodian reads no packs. */
  async addPack(bytes = 100, generation = handmadeGeneration): Promise<PackReference> {
    const body = Buffer.alloc(bytes, packSeed++)
    body.writeUInt32LE(packSeed)
    const sha256 = sha256Hex(body)
    const key = packKey(this.source, generation, ulid(this.store.nowMs, seededRandom(packSeed)), sha256)
    const { versionId } = await this.store.putIfAbsent(key, body, sha256)
    return { key, versionId, sha256, bytes }
  }

  /** A snapshot of 100 files that needs these packs. */
  async snapshotOf(packs: PackReference[], overrides: Partial<Manifest> = {}): Promise<Snapshot> {
    this.store.nowMs += 1000
    const tree = { root: root.toString('hex'), entries: 101, files: 100, bytes: 10_000 }
    return this.commitManifest(this.manifest(root, packs, { tree, ...overrides }))
  }

  async attest(snapshot: Snapshot, changes: Parameters<typeof putReceipt>[3] = {}): Promise<void> {
    await putReceipt(this.store, signer, snapshot, changes)
  }

  async attested(packs: PackReference[], overrides: Partial<Manifest> = {}): Promise<Snapshot> {
    const snapshot = await this.snapshotOf(packs, overrides)
    await this.attest(snapshot)
    return snapshot
  }

  plan(changes: Partial<CustodyRules> = {}, options: Partial<PlanOptions> = {}): Promise<CustodyPlan> {
    const { store, signal } = this
    return planCustody({ store, rules: { ...rules, ...changes }, keys: signer.keys, signal, ...options })
  }

  async planOf(changes: Partial<CustodyRules> = {}, options: Partial<PlanOptions> = {}): Promise<SourcePlan> {
    const { sources } = await this.plan(changes, options)
    return sources.find(({ name }) => name === this.source)!
  }

  apply(plan: CustodyPlan): Promise<DeedResult> {
    const { store, clock, signal, chance } = this
    return applyPlan(plan, { store, extender: store, pruner: store, clock, random: chance, signal })
  }

  readonly chance = seededRandom(3)

  async run(changes: Partial<CustodyRules> = {}): Promise<SourcePlan> {
    const plan = await this.plan(changes)
    await this.apply(plan)
    return plan.sources.find(({ name }) => name === this.source)!
  }

  /** Days until the lock of the version ends; null if it is gone. */
  daysLeft({ versionId }: ObjectRef): number | null {
    const version = this.store.versions.find((candidate) => candidate.versionId === versionId)
    return version === undefined ? null : (this.store.lockEndOf(version) - this.store.nowMs) / dayMs
  }
}
