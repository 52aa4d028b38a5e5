// One simulated world: a source, two hosts that back it up, a vault, and the record of the committed snapshots.
//
// 1. The constructor makes an empty vault and an empty source, and replaces Node's file system calls (file-system.ts).
// 2. simulation.ts draws operations by weight (operations.ts): mutate, back up, restore, verify, attack, turn the clock.
// 3. Each operation runs as a process of the host (process-runner.ts), with the faults or the crash that the seed plans.
// 4. World.backup() and World.restore() are the only ways to the engine, so no commit and no failure escapes the record.
// 5. The record (committed-snapshots.ts) holds the expected state of every snapshot, its parent chain and its locks.
// 6. After every operation invariants.ts checks the vault against the record, without faults.
//
// Chance and time come from the seed alone (random.ts, clocks.ts), so a failing seed replays exactly.
import * as fs from 'node:fs'
import { parseManifestKey } from '../../core/store/vault-keys.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { backup } from '../../engine/backup/backup.ts'
import type { BackupResult, RestoreResult } from '../../engine/operations.ts'
import { prepareRestore } from '../../engine/restore/restore.ts'
import { WorldClock } from './clocks.ts'
import { CommittedSnapshots, promiseDays } from './committed-snapshots.ts'
import type { Host } from './committed-snapshots.ts'
import { useFileSystem } from './file-system.ts'
import type { FaultKind, HostProcess } from './host-process.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { ProcessRunner } from './process-runner.ts'
import type { Outcome } from './process-runner.ts'
import { Seeded } from './random.ts'
import { SourceTree, sourceName } from './source-tree.ts'
import type { TreeNode } from './source-tree.ts'
import type { Tally } from './tally.ts'
import type { VaultConnection } from './vault-connection.ts'
import { Vault } from './vault.ts'
import { Violation } from './violation.ts'

/** Faults after which a backup may lack paths. */
const sourceFaults: readonly FaultKind[] = ['source EIO', 'source EACCES', 'file changes', 'file vanishes']

export class World {
  readonly random: Seeded
  readonly clock = new WorldClock()
  readonly vault = new Vault(this.clock)
  readonly tally: Tally
  readonly tree: SourceTree
  readonly hosts: readonly Host[]
  readonly snapshots: CommittedSnapshots
  readonly processes: ProcessRunner
  /** One line for each event, in the order of the events. */
  readonly log: string[] = []
  private targets = 0

  /** In the current directory, which must be empty. */
  constructor(seed: number, tally: Tally, plantedBug: PlantedBug | null) {
    const { vault, clock } = this
    this.random = new Seeded(seed)
    this.tally = tally
    this.tree = new SourceTree(() => clock.kernelNs())
    this.snapshots = new CommittedSnapshots({ vault, clock, tally })
    const { random, snapshots } = this
    this.processes = new ProcessRunner({ vault, clock, random, tally, snapshots, plantedBug })
    this.hosts = ['cache-0', 'cache-1'].map((cacheDirectory) => ({
      cacheDirectory,
      chain: [],
      mayBeginAnew: true,
    }))
    fs.writeFileSync('sentinel', 'untouched')
    useFileSystem({
      here: `${globalThis.process.cwd()}/`,
      times: plantedBug?.times?.(this.tree.times) ?? this.tree.times,
      nowNs: () => clock.kernelNs(),
      onStray: (call, path) => this.processes.noteStray(call, path),
    })
  }

  newTarget(): string {
    return `target-${this.targets++}`
  }

  /** Backs up, and records every manifest that reached the vault, even if the caller never learned of it. */
  async backup(host: Host, process: HostProcess): Promise<Outcome<BackupResult>> {
    const expected = this.tree.freeze()
    const changed = new Map<string, TreeNode | null>()
    process.onSourceFault = (kind, absolute) => this.disturb(kind, absolute, changed)
    const outcome = await this.processes.run(process, () =>
      backup({
        store: this.processes.connect(process),
        clock: this.clock,
        random: this.random.next,
        source: sourceName,
        kind: 'volume',
        directory: this.tree.root,
        cacheDirectory: host.cacheDirectory,
        promiseDays,
        // The world empties its source too, never by unmounting it.
        allowEmpty: this.tree.nodes.size === 1,
        workers: 0,
        toolVersion: 'simulation',
      }),
    )
    const newSnapshots = process.written
      .filter(({ key }) => parseManifestKey(key) !== null)
      .map((ref) => this.snapshots.add(ref, expected, changed))
    const result = outcome !== 'crashed' && 'result' in outcome ? outcome.result : null
    if (result !== null && result.cacheNote !== null) host.mayBeginAnew = true
    for (const snapshot of newSnapshots) this.snapshots.link(host, snapshot)
    if (result !== null) {
      const last = newSnapshots.at(-1)
      const { snapshot } = result
      if (snapshot === null || last?.id !== snapshot.id || last.versionId !== snapshot.versionId)
        throw new Violation('the engine acknowledged a snapshot that is not in the vault')
    }
    const mayMiss = sourceFaults.some((kind) => process.fired.has(kind))
    for (const { excused, id } of newSnapshots) {
      if (excused.length > 0 && !mayMiss)
        throw new Violation(`${id} lacks ${JSON.stringify(excused)}, and the source had no fault`)
    }
    return outcome
  }

  /** Restores into `target`. `load` reads the snapshot through the connection that the restore uses. */
  restore(
    process: HostProcess,
    load: (store: VaultConnection) => Promise<Snapshot>,
    target: string,
    paths: readonly string[] = [],
  ): Promise<Outcome<RestoreResult>> {
    return this.processes.run(process, async () => {
      const store = this.processes.connect(process)
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

  /** A user changes or deletes the file that the engine is about to read. */
  private disturb(kind: FaultKind, absolute: Buffer, changed: Map<string, TreeNode | null>): void {
    const path = absolute.toString('latin1').slice(this.tree.root.length + 1)
    const node = this.tree.nodes.get(path)
    if (node === undefined) return
    if (kind === 'file vanishes') {
      this.tree.remove(path)
      changed.set(path, null)
      return
    }
    this.tree.write(path, Buffer.concat([node.bytes, Buffer.from('more')]))
    for (const [linkPath, linked] of this.tree.nodes) if (linked === node) changed.set(linkPath, { ...node })
  }
}
