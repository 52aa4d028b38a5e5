// Bugs planted on purpose, outside the product's code. A simulation that doesn't find them proves nothing.
import { isHoldfastError } from '../../core/errors.ts'
import { parsePackKey } from '../../core/store/vault-keys.ts'
import type { FileTimes } from './file-system.ts'
import { currentProcess } from './host-process.ts'
import type { HostProcess } from './host-process.ts'
import type { WorldClock } from './clocks.ts'
import type { CommittedSnapshots } from './committed-snapshots.ts'
import type { Vault } from './vault.ts'
import type { VaultConnection } from './vault-connection.ts'

/** The parts of a world that a planted bug uses. The world imports this file, so this file can't import the world. */
export interface BuggedWorld {
  readonly vault: Vault
  readonly clock: WorldClock
  readonly snapshots: CommittedSnapshots
}

export interface PlantedBug {
  /** The wrong behaviour, as one clause. */
  bug: string
  wrap?: (connection: VaultConnection, world: BuggedWorld, process: HostProcess) => VaultConnection
  prepare?: (process: HostProcess) => void
  times?: (times: Map<bigint, FileTimes>) => ReadonlyMap<bigint, FileTimes>
}

export const plantedBugs: Record<string, PlantedBug> = {
  'manifest-before-packs': {
    bug: 'packs are acknowledged at once and written after the manifest',
    wrap: writeManifestFirst,
  },
  'accept-412-as-success': {
    bug: 'a key that exists is taken for one that was written',
    wrap: acceptConflicts,
  },
  'reuse-expiring-pack': { bug: 'the time by which packs are reused stands still', wrap: stopTime },
  'skip-chunk-hash': { bug: 'no reader compares the hash of a chunk', prepare: trustChunks },
  'latest-instead-of-version': { bug: 'reads take the current version of a key', wrap: readLatest },
  'trust-modification-time': {
    bug: 'a file of the same size and modification time is taken for unchanged',
    times: copyTimes,
  },
}

function writeManifestFirst(
  connection: VaultConnection,
  world: BuggedWorld,
  process: HostProcess,
): VaultConnection {
  const late: (() => void)[] = []
  const put = connection.putIfAbsent.bind(connection)
  connection.putIfAbsent = async (key, body, sha256) => {
    if (parsePackKey(key) !== null) {
      const versionId = world.vault.reserve()
      const copy = Buffer.from(body)
      late.push(() => void world.vault.put(key, copy, sha256, { versionId }))
      return { versionId, serverTimeMs: world.clock.serverMs }
    }
    const reply = await put(key, body, sha256)
    for (const write of late.splice(0)) {
      process.step('crash at a request')
      write()
    }
    return reply
  }
  return connection
}

function acceptConflicts(connection: VaultConnection, world: BuggedWorld): VaultConnection {
  const put = connection.putIfAbsent.bind(connection)
  connection.putIfAbsent = (key, body, sha256) =>
    put(key, body, sha256).catch((error: unknown) => {
      const existing = world.vault.latest(key)
      if (!isHoldfastError(error, 'conflict') || existing === undefined) throw error
      return { versionId: existing.versionId, serverTimeMs: world.clock.serverMs }
    })
  return connection
}

function stopTime(connection: VaultConnection, world: BuggedWorld): VaultConnection {
  const ask = connection.lockDefault.bind(connection)
  const startMs = world.snapshots.list[0]?.timeMs
  connection.lockDefault = async () => {
    const response = await ask()
    return { ...response, serverTimeMs: startMs ?? response.serverTimeMs }
  }
  return connection
}

function readLatest(connection: VaultConnection, world: BuggedWorld): VaultConnection {
  const read = connection.getRange.bind(connection)
  connection.getRange = (ref, offset, bytes) => {
    const latest = world.vault.latest(ref.key)
    return read(latest === undefined ? ref : { key: ref.key, versionId: latest.versionId }, offset, bytes)
  }
  return connection
}

const trusting = new WeakSet<HostProcess>()
let isPatched = false

/** Readers compare the hash of a chunk by `equals`: 32 bytes against 32 bytes. */
function trustChunks(process: HostProcess): void {
  trusting.add(process)
  if (isPatched) return
  isPatched = true
  const prototype = Buffer.prototype as unknown as { equals: (this: Buffer, bytes: Uint8Array) => boolean }
  const { equals } = prototype
  prototype.equals = function (bytes) {
    const owner = this.length === 32 && bytes.length === 32 ? currentProcess() : undefined
    return owner !== undefined && trusting.has(owner) ? true : equals.call(this, bytes)
  }
}

function copyTimes(times: Map<bigint, FileTimes>): ReadonlyMap<bigint, FileTimes> {
  const read = times.get.bind(times)
  const copy = new Map(times)
  copy.get = (ino) => {
    const fileTimes = read(ino)
    return fileTimes === undefined ? undefined : { mtimeNs: fileTimes.mtimeNs, ctimeNs: fileTimes.mtimeNs }
  }
  return copy
}
