// One process's connection to the simulated vault, with the faults that the seed plans. The connection keeps the
// contract of the port: a response has the requested length, and a listing is complete or fails. Only the bytes may
// be wrong.
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { LockExtender, VersionPruner } from '../../core/store/custody.ts'
import type {
  LockDefault,
  LockMode,
  ObjectRef,
  ObjectState,
  ObjectStore,
  ObjectVersion,
  PutReply,
} from '../../core/store/object-store.ts'
import { parseManifestKey } from '../../core/store/vault-keys.ts'
import type { WorldClock } from './clocks.ts'
import type { FaultKind, HostProcess } from './host-process.ts'
import type { Seeded } from './random.ts'
import { dayMs } from './vault.ts'
import type { StoredVersion, Vault } from './vault.ts'

const refusals: [kind: FaultKind, code: ErrorCode][] = [
  ['internal error', 'unreachable'],
  ['slow down', 'throttled'],
  ['too many requests', 'throttled'],
  ['connection reset', 'unreachable'],
]
const maxResponseMs = 10 * 60_000

export class VaultConnection implements ObjectStore, LockExtender, VersionPruner {
  readonly name = 'simulated://vault'
  private readonly vault: Vault
  private readonly clock: WorldClock
  private readonly process: HostProcess
  private readonly random: Seeded

  /** @param random decides the order of the responses to concurrent requests. */
  constructor(vault: Vault, clock: WorldClock, process: HostProcess, random: Seeded) {
    this.vault = vault
    this.clock = clock
    this.process = process
    this.random = random
  }

  private async request<Result>(work: () => Result): Promise<Result> {
    for (let turns = this.random.below(3); turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve))
    const { process } = this
    process.step('crash at a request')
    for (const [kind, code] of refusals) {
      if (process.meets(kind))
        throw new HoldfastError(code, `the vault responds: ${kind}`, { retryable: true })
    }
    if (process.meets('expired credentials'))
      throw new HoldfastError('credentials', 'the session has expired')
    if (process.meets('slow answer')) this.clock.pass(this.random.below(maxResponseMs))
    const result = work()
    process.step('crash after a request')
    return result
  }

  putIfAbsent(key: string, body: Uint8Array, sha256: string): Promise<PutReply> {
    this.process.buffers.add(body.buffer)
    return this.request(() => {
      if (parseManifestKey(key) !== null && this.process.meets('sleep at the commit'))
        this.clock.pass(this.random.below(20 * dayMs))
      if (this.process.meets('key taken')) this.add(key, this.random.bytes(body.length))
      const latest = this.vault.latest(key)
      if (latest !== undefined && !latest.isDeleteMarker) throw new HoldfastError('conflict', `${key} exists`)
      if (sha256Hex(body) !== sha256) throw new HoldfastError('internal', 'the checksum is wrong')
      const { versionId } = this.add(key, Buffer.from(body))
      this.process.written.push({ key, versionId })
      if (this.process.meets('lost reply'))
        throw new HoldfastError('unreachable', 'no reply came', { retryable: true })
      return { versionId, serverTimeMs: Math.floor(this.clock.serverMs / 1000) * 1000 }
    })
  }

  private add(key: string, body: Buffer): StoredVersion {
    return this.vault.put(key, body, sha256Hex(body))
  }

  private find(ref: ObjectRef): StoredVersion {
    const version = this.vault.find(ref)
    if (version === undefined || version.isDeleteMarker)
      throw new HoldfastError('not-found', `there is no version ${ref.versionId} of ${ref.key}`)
    return version
  }

  getRange(ref: ObjectRef, offset: number, bytes: number): Promise<Uint8Array> {
    return this.request(() => {
      const { body } = this.find(ref)
      if (offset + bytes > body.length)
        throw new HoldfastError('damaged', `${ref.key} has only ${body.length} bytes`)
      if (this.process.meets('torn body'))
        throw new HoldfastError('unreachable', `the body of ${ref.key} ended early`, { retryable: true })
      const response = Buffer.from(body.subarray(offset, offset + bytes))
      if (bytes > 0 && this.process.meets('flipped body'))
        response[this.random.below(bytes)]! ^= 1 << this.random.below(8)
      if (bytes < body.length && this.process.meets('other range')) {
        const otherOffset = this.random.below(body.length - bytes + 1)
        body.copy(response, 0, otherOffset, otherOffset + bytes)
      }
      return response
    })
  }

  headVersion(ref: ObjectRef): Promise<ObjectState> {
    return this.request(() => {
      const { body, lastModifiedMs, sha256, lockedUntilMs } = this.find(ref)
      return {
        bytes: body.length,
        lastModifiedMs,
        sha256,
        lock: { mode: 'COMPLIANCE', untilMs: lockedUntilMs },
        archive: null,
        serverTimeMs: this.clock.serverMs,
      }
    })
  }

  extendLock(ref: ObjectRef, { untilMs }: { mode: LockMode; untilMs: number }): Promise<void> {
    return this.request(() => this.vault.extendLock(ref, untilMs))
  }

  deleteVersion(ref: ObjectRef): Promise<void> {
    return this.request(() => this.vault.deleteVersion(ref))
  }

  async *listVersions(prefix: string, after = ''): AsyncIterable<ObjectVersion> {
    const listed = await this.request(() => this.vault.versions(prefix))
    const versions = listed.filter(({ key }) => key > after)
    const breaksAt =
      versions.length > 0 && this.process.meets('broken listing')
        ? this.random.below(versions.length)
        : Infinity
    for (const [index, { key, versionId, body, lastModifiedMs, isDeleteMarker }] of versions.entries()) {
      if (index === breaksAt)
        throw new HoldfastError('unreachable', 'the second page of a listing did not come', {
          retryable: true,
        })
      yield {
        key,
        versionId,
        bytes: body.length,
        lastModifiedMs,
        isDeleteMarker,
        isMultipart: false,
        isLatest: versions[index - 1]?.key !== key,
      }
    }
  }

  listFolders(prefix: string): Promise<string[]> {
    return this.request(() => {
      const names = this.vault.versions(prefix).map(({ key }) => key.slice(prefix.length).split('/'))
      return [...new Set(names.filter((parts) => parts.length > 1).map((parts) => parts[0]!))]
    })
  }

  lockDefault(): Promise<LockDefault> {
    return this.request(() => ({
      retention: { mode: 'COMPLIANCE', days: this.vault.lockDays },
      serverTimeMs: Math.floor(this.clock.serverMs / 1000) * 1000,
    }))
  }
}
