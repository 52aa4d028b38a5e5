// Bugs planted on purpose, outside the product's code. A simulation that doesn't find them proves nothing.
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { parseManifestKey, parsePackKey, receiptsPrefix } from '../../core/store/vault-keys.ts'
import type { FileTimes, KernelBug } from './file-system.ts'
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
  ignoresLoss?: boolean
  misread?: (pattern: string) => string
  kernel?: KernelBug
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
  'trust-the-lock-check': { bug: 'the time of the commit itself is not looked at', wrap: hideCommitTime },
  'trust-any-vault': { bug: 'the vault is taken for the one that the cache describes', wrap: proveAnything },
  'keep-lost-pack': { bug: 'a pack that is reported as lost stays in use', ignoresLoss: true },
  'lose-extensions': { bug: 'the custodian takes a lock for extended that is not', wrap: loseExtensions },
  'trust-lying-manifests': { bug: 'the custodian reads no receipt', wrap: hideReceipts },
  'skip-chunk-hash': { bug: 'no reader compares the hash of a chunk', prepare: trustChunks },
  'latest-instead-of-version': { bug: 'reads take the current version of a key', wrap: readLatest },
  'trust-every-lock': { bug: 'each lock is taken for the guaranteed one', wrap: hideShortLocks },
  'ignore-rules': { bug: 'a rule leaves out nothing', misread: (pattern) => `${pattern}-never` },
  'trust-modification-time': {
    bug: 'a file of the same size and modification time is taken for unchanged',
    times: copyTimes,
  },
  'trust-directory-times': {
    bug: 'a directory that changes during the walk shows its old time',
    kernel: 'frozen directories',
  },
  'follow-swapped-directories': {
    bug: 'a link that takes the place of a directory is followed',
    kernel: 'followed links',
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
  const put = connection.putIfAbsent.bind(connection)
  connection.putIfAbsent = async (key, body, sha256) => {
    const reply = await put(key, body, sha256)
    // Else the time of the commit itself would bring the bug to light.
    return parseManifestKey(key) === null ? reply : { ...reply, serverTimeMs: startMs ?? reply.serverTimeMs }
  }
  return connection
}

function hideCommitTime(connection: VaultConnection): VaultConnection {
  const ask = connection.lockDefault.bind(connection)
  const put = connection.putIfAbsent.bind(connection)
  let checkedMs = 0
  connection.lockDefault = async () => {
    const response = await ask()
    checkedMs = response.serverTimeMs
    return response
  }
  connection.putIfAbsent = async (key, body, sha256) => {
    const reply = await put(key, body, sha256)
    return parseManifestKey(key) === null ? reply : { ...reply, serverTimeMs: checkedMs }
  }
  return connection
}

const proofs = new WeakMap<Vault, Set<string>>()

/** Every proof that was ever written counts, and every manifest. */
function proveAnything(connection: VaultConnection, { vault }: BuggedWorld): VaultConnection {
  const put = connection.putIfAbsent.bind(connection)
  const head = connection.headVersion.bind(connection)
  const written = proofs.get(vault) ?? new Set()
  proofs.set(vault, written)
  connection.putIfAbsent = async (key, body, sha256) => {
    if (key.includes('/identities/')) {
      if (written.has(key)) throw new HoldfastError('conflict', `${key} exists`)
      written.add(key)
    }
    return put(key, body, sha256)
  }
  connection.headVersion = (ref) =>
    head(ref).catch((error: unknown) => {
      if (!isHoldfastError(error, 'not-found') || parseManifestKey(ref.key) === null) throw error
      return { bytes: 0, lastModifiedMs: 0, sha256: null, lock: null, archive: null, serverTimeMs: null }
    })
  return connection
}

function hideShortLocks(connection: VaultConnection): VaultConnection {
  const head = connection.headVersion.bind(connection)
  connection.headVersion = async (ref) => {
    const state = await head(ref)
    return { ...state, lock: state.lock && { ...state.lock, untilMs: Infinity } }
  }
  return connection
}

function loseExtensions(connection: VaultConnection): VaultConnection {
  connection.extendLock = () => Promise.resolve()
  return connection
}

function hideReceipts(connection: VaultConnection): VaultConnection {
  const list = connection.listVersions.bind(connection)
  connection.listVersions = async function* (prefix, after) {
    if (!prefix.startsWith(receiptsPrefix)) yield* list(prefix, after)
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
    return fileTimes === undefined ? undefined : { ...fileTimes, ctimeNs: fileTimes.mtimeNs }
  }
  return copy
}
