// One simulated world: a source, hosts that back it up, a vault, and the record of what every committed snapshot must
// bring back. What the engine is asked to do goes through here, so that nothing it commits or fails with escapes notice.
import * as fs from 'node:fs'
import { sha256Hex } from '../../core/digest.ts'
import { HoldfastError } from '../../core/errors.ts'
import { decodeManifest } from '../../core/snapshot/manifest.ts'
import type { Manifest } from '../../core/snapshot/manifest.ts'
import { parseManifestKey } from '../../core/store/vault-keys.ts'
import { parsePathText } from '../../core/tree/path-text.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { backup } from '../../engine/backup/backup.ts'
import type { BackupResult, RestoreResult } from '../../engine/operations.ts'
import { prepareRestore } from '../../engine/restore/restore.ts'
import { WorldClock } from './clocks.ts'
import { isCrash, useFileSystem } from './file-system.ts'
import { HostProcess } from './host-process.ts'
import type { CrashPlace, Plan } from './host-process.ts'
import { giveBackMemory } from './pack-buffers.ts'
import type { Plant } from './planted-bugs.ts'
import { Seeded } from './random.ts'
import { SourceTree } from './source-tree.ts'
import type { Expected, TreeNode } from './source-tree.ts'
import type { Tally } from './tally.ts'
import { Vault } from './vault.ts'
import { VaultConnection } from './vault-connection.ts'

export const sourceName = 'files'
export const promiseDays = 30
export const dayMs = 86_400_000

/** Something that must never be. */
export class Violation extends Error {}

export interface Host {
  cacheDirectory: string
  /** What it has committed since it has its cache, oldest first: a chain without forks. */
  chain: Committed[]
  /** Its cache was lost or spoiled: the next snapshot may begin a chain of its own. */
  mayBeginAnew: boolean
}

export interface Committed {
  id: string
  key: string
  versionId: string
  sha256: string
  timeMs: number
  manifest: Manifest
  expected: Expected
  /** Paths that changed while they were backed up, and what they became; null if they vanished. */
  changed: ReadonlyMap<string, Readonly<TreeNode> | null>
  /** Paths that the snapshot says it doesn't have whole. */
  excused: readonly string[]
  /** The vault's revision for which it was last restored and compared. */
  checkedRevision: number
}

export type Outcome<Result> = { result: Result } | { error: unknown } | 'crashed'

export class World {
  readonly random: Seeded
  readonly clock = new WorldClock()
  readonly vault = new Vault(this.clock)
  readonly tally: Tally
  readonly plant: Plant | null
  readonly tree: SourceTree
  readonly hosts: Host[]
  readonly committed: Committed[] = []
  /** What was done, in words. */
  readonly log: string[] = []
  private targets = 0
  private readonly strays: string[] = []
  /** Steps that an operation of this name took the last time, for a place to crash in. */
  readonly usualSteps = new Map<string, ReadonlyMap<CrashPlace, number>>()

  /** In the current directory, which must be empty. */
  constructor(seed: number, tally: Tally, plant: Plant | null) {
    this.random = new Seeded(seed)
    this.tally = tally
    this.plant = plant
    this.tree = new SourceTree(() => this.clock.kernelNs())
    this.hosts = ['cache-0', 'cache-1'].map((cacheDirectory) => ({
      cacheDirectory,
      chain: [],
      mayBeginAnew: true,
    }))
    fs.writeFileSync('sentinel', 'untouched')
    useFileSystem({
      here: `${globalThis.process.cwd()}/`,
      times: plant?.times?.(this.tree.times) ?? this.tree.times,
      nowNs: () => this.clock.kernelNs(),
      onStray: (call, path) => this.strays.push(`${call} ${path}`),
    })
  }

  newTarget(): string {
    return `target-${this.targets++}`
  }

  startProcess(name: string, plan: Plan = {}): HostProcess {
    const process = new HostProcess(name, this.tally, plan)
    this.plant?.prepare?.(process)
    return process
  }

  connect(process: HostProcess): VaultConnection {
    const connection = new VaultConnection(
      this.vault,
      this.clock,
      process,
      new Seeded(this.random.below(2 ** 32)),
    )
    return this.plant?.wrap?.(connection, this, process) ?? connection
  }

  /** Runs to its end. @throws Violation for anything thrown that is neither a typed failure nor what a crash leaves. */
  async run<Result>(process: HostProcess, work: () => Promise<Result>): Promise<Outcome<Result>> {
    let outcome: Outcome<Result>
    try {
      outcome = { result: await process.run(work) }
    } catch (error) {
      outcome = { error }
    }
    // What is still under way of a process that failed ends before anything else begins.
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
    for (const memory of process.memory) giveBackMemory(memory)
    this.usualSteps.set(process.name, process.steps)
    if (this.strays.length > 0)
      throw new Violation(`${process.name} wrote outside its target: ${this.strays.join(', ')}`)
    if (process.crashed) return 'crashed'
    if ('error' in outcome && (isCrash(outcome.error) || !(outcome.error instanceof HoldfastError))) {
      throw new Violation(
        `${process.name} failed with something that has no name: ${outcome.error instanceof Error ? outcome.error.stack : String(outcome.error)}`,
      )
    }
    return outcome
  }

  /** Backs up, and notes what was committed, whatever the caller learned of it. */
  async backup(host: Host, process: HostProcess): Promise<Outcome<BackupResult>> {
    const expected = this.tree.freeze()
    const changed = new Map<string, TreeNode | null>()
    process.onSourceFault = (kind, absolute) => this.disturb(kind, absolute, changed)
    const outcome = await this.run(process, () =>
      backup({
        store: this.connect(process),
        clock: this.clock,
        random: this.random.next,
        source: sourceName,
        kind: 'volume',
        directory: this.tree.root,
        cacheDirectory: host.cacheDirectory,
        promiseDays,
        workers: 0,
        toolVersion: 'simulation',
      }),
    )
    const made = process.written
      .filter(({ key }) => parseManifestKey(key) !== null)
      .map((ref) => this.note(ref, expected, changed))
    if (typeof outcome === 'object' && 'result' in outcome && outcome.result.cacheNote !== null)
      host.mayBeginAnew = true
    for (const snapshot of made) this.link(host, snapshot)
    if (typeof outcome === 'object' && 'result' in outcome) {
      const { snapshot } = outcome.result
      const last = made.at(-1)
      if (snapshot === null || last?.id !== snapshot.id || last.versionId !== snapshot.versionId)
        throw new Violation('a snapshot was acknowledged that is not in the vault')
    }
    for (const { excused, id } of made) {
      const mayMiss = ['source EIO', 'source EACCES', 'file changes', 'file vanishes'].some((kind) =>
        process.fired.has(kind as never),
      )
      if (excused.length > 0 && !mayMiss)
        throw new Violation(`${id} lacks ${JSON.stringify(excused)}, and nothing was wrong with the source`)
    }
    return outcome
  }

  /** The file that is about to be read changes, or goes. */
  private disturb(kind: string, absolute: Buffer, changed: Map<string, TreeNode | null>): void {
    const path = absolute.toString('latin1').slice(this.tree.root.length + 1)
    const node = this.tree.nodes.get(path)
    if (node === undefined) return
    if (kind === 'file vanishes') {
      this.tree.remove(path)
      changed.set(path, null)
    } else {
      this.tree.write(path, Buffer.concat([node.bytes, Buffer.from('more')]))
      for (const [other, same] of this.tree.nodes) if (same === node) changed.set(other, { ...node })
    }
  }

  private note(
    ref: { key: string; versionId: string },
    expected: Expected,
    changed: Committed['changed'],
  ): Committed {
    const { body, lastModifiedMs } = this.vault.find(ref)!
    const id = ref.key.slice(ref.key.lastIndexOf('/') + 1)
    const manifest = decodeManifest(body, { source: sourceName, id })
    const excused = manifest.problems
      .filter(({ kind }) => kind === 'unreadable' || kind === 'vanished' || kind === 'changed')
      .map(({ path }) => parsePathText(path).toString('latin1'))
    if (manifest.complete !== (excused.length === 0))
      throw new Violation(`${id} says complete: ${manifest.complete}, and lacks ${excused.length} paths`)
    const snapshot = {
      ...ref,
      id,
      sha256: sha256Hex(body),
      timeMs: lastModifiedMs,
      manifest,
      expected,
      changed,
      excused,
      checkedRevision: -1,
    }
    this.committed.push(snapshot)
    this.assertLocked(snapshot)
    return snapshot
  }

  /** The chain of a writer has no gap and no fork: each snapshot follows all that it committed before. */
  private link(host: Host, snapshot: Committed): void {
    const { parent, supersedes } = snapshot.manifest
    const at =
      parent === null
        ? -1
        : host.chain.findIndex(({ id, sha256 }) => id === parent.id && sha256 === parent.sha256)
    const forked = host.chain.slice(at + 1).filter(({ id }) => !supersedes.includes(id))
    if ((parent !== null && at === -1) || forked.length > 0) {
      if (parent !== null || !host.mayBeginAnew) {
        throw new Violation(
          `${snapshot.id} follows ${parent?.id ?? 'nothing'} and not ${forked.map(({ id }) => id).join(', ') || 'what its writer committed before'}`,
        )
      }
      host.chain = []
    }
    host.mayBeginAnew = false
    host.chain.push(snapshot)
    this.tally.count('check', 'parent chain')
  }

  /** Every object that a snapshot needs is there, and its lock covers the promise, by the server's time. */
  assertLocked(snapshot: Committed): void {
    const untilMs = snapshot.timeMs + promiseDays * dayMs
    for (const ref of [snapshot, ...snapshot.manifest.packs]) {
      const version = this.vault.find(ref)
      if (version === undefined)
        throw new Violation(
          `${snapshot.id} is promised until ${iso(untilMs)}, and ${ref.key} (${ref.versionId}) is not in the vault`,
        )
      if (version.lockedUntilMs < untilMs) {
        throw new Violation(
          `${snapshot.id} is promised until ${iso(untilMs)}, and ${ref.key} is locked until ${iso(version.lockedUntilMs)} only`,
        )
      }
    }
    this.tally.count('check', 'retention')
  }

  /** Restores into `target`. The snapshot was loaded through the same kind of connection. */
  restore(
    process: HostProcess,
    load: (store: VaultConnection) => Promise<Snapshot>,
    target: string,
    paths: readonly string[] = [],
  ): Promise<Outcome<RestoreResult>> {
    return this.run(process, async () => {
      const store = this.connect(process)
      const prepared = await prepareRestore({
        store,
        clock: this.clock,
        random: this.random.next,
        snapshot: await load(store),
        target,
        workers: 0,
        paths: paths.map((path) => Buffer.from(path, 'latin1')),
      })
      return prepared.run()
    })
  }

  isPromised(snapshot: Committed): boolean {
    return this.clock.serverMs < snapshot.timeMs + promiseDays * dayMs
  }

  /** Bytes that it needs have turned where they lie. */
  isSpoiled(snapshot: Committed): boolean {
    return [snapshot, ...snapshot.manifest.packs].some(
      (ref) => (this.vault.find(ref)?.turned.length ?? 0) > 0,
    )
  }

  /** Something that it needs is gone, after its promise. */
  isGone(snapshot: Committed): boolean {
    return [snapshot, ...snapshot.manifest.packs].some((ref) => this.vault.find(ref) === undefined)
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
