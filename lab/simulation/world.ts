// One simulated world: a source, two hosts that back it up, a vault, and the record of the committed snapshots.
//
// 1. The constructor makes an empty vault and an empty source, and replaces Node's file system calls (file-system.ts).
// 2. simulation.ts draws operations by weight (operations.ts): mutate, back up, restore, verify, attack, turn the
// clock. 3. Each operation runs as a process of the host (process-runner.ts), with the faults or the crash that the
// seed plans. 4. World.backup() and World.restore() are the only ways to the engine, so no commit and no failure
// escapes the record. 5. The record (committed-snapshots.ts) holds the expected state of every snapshot, its parent
// chain and its locks. 6. After every operation invariants.ts checks the vault against the record, without faults.
//
// Chance and time come from the seed alone (random.ts, clocks.ts), so a failing seed replays exactly.
import * as fs from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { parseManifestKey } from '../../core/store/vault-keys.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { backup } from '../../engine/backup/backup.ts'
import type { BackupResult, RestoreResult } from '../../engine/operations.ts'
import { prepareRestore } from '../../engine/restore/restore.ts'
import { WorldClock } from './clocks.ts'
import { CommittedSnapshots, promiseDays } from './committed-snapshots.ts'
import type { Committed, Host } from './committed-snapshots.ts'
import { useFileSystem } from './file-system.ts'
import { sourceFaultKinds } from './host-process.ts'
import type { HostProcess } from './host-process.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { ProcessRunner } from './process-runner.ts'
import type { Outcome } from './process-runner.ts'
import { Seeded } from './random.ts'
import { disturb, secret } from './disturbances.ts'
import { applyExclusions } from './exclusions.ts'
import type { Exclusion } from './exclusions.ts'
import { SourceTree, sourceName } from './source-tree.ts'
import type { TreeNode } from './source-tree.ts'
import type { Tally } from './tally.ts'
import type { VaultConnection } from './vault-connection.ts'
import { Vault } from './vault.ts'
import { Violation } from './violation.ts'

/**
 * Whether the engine began the cache anew: it says so in the result, and until then in a file. A run that ends
 * between the last of its calls has neither, so that the identity in the manifest tells.
 */
function hasBegunAnew(host: Host, result: BackupResult | null, newSnapshots: readonly Committed[]): boolean {
  if (result !== null) return result.cacheNote !== null
  const last = host.chain.at(-1)
  return (
    (fs.existsSync(host.cacheDirectory) &&
      fs.readdirSync(host.cacheDirectory).some((name) => name.endsWith('.begun-anew'))) ||
    newSnapshots.some(({ manifest }) => manifest.vault !== last?.manifest.vault)
  )
}

/** An acknowledged snapshot has its guarantee; the result names each of the run that has not. */
function assertShortReported(newSnapshots: readonly Committed[], result: BackupResult): void {
  const reported = result.shortSnapshots.map(({ id }) => id)
  for (const { id, isShort } of newSnapshots) {
    if (isShort && (id === result.snapshot!.id || !reported.includes(id)))
      throw new Violation(
        `${id} is locked for less than its guaranteed retention, and the backup does not report it`,
      )
  }
}

/** The result counts what each rule left out, also nothing; the manifest keeps the rules that left out something. */
function assertCounted(
  expected: BackupResult['leftOut'],
  { leftOut }: BackupResult,
  { id, manifest }: Committed,
): void {
  const recorded = expected.filter(({ count }) => count > 0)
  if (isDeepStrictEqual(leftOut, expected) && isDeepStrictEqual(manifest.leftOut ?? [], recorded)) return
  throw new Violation(
    `${id}: the rules leave out ${JSON.stringify(expected)}; the result has ${JSON.stringify(leftOut)}, the manifest ${JSON.stringify(manifest.leftOut)}`,
  )
}

export interface BackupChoices {
  /** SHA-256 of packs that verify named. */
  uploadAgain?: readonly string[]
  exclusions?: readonly Exclusion[]
}

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
    vault.listsMilliseconds = this.random.chance(0.5)
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
    fs.mkdirSync('elsewhere')
    fs.writeFileSync('elsewhere/secret', secret)
    useFileSystem({
      here: `${globalThis.process.cwd()}/`,
      times: plantedBug?.times?.(this.tree.times) ?? this.tree.times,
      nowNs: () => clock.kernelNs(),
      onStray: (call, path) => this.processes.noteStray(call, path),
      bug: plantedBug?.kernel ?? null,
    })
  }

  newTarget(): string {
    return `target-${this.targets++}`
  }

  /** Backs up, and records every manifest that reached the vault, even if the caller never learned of it. */
  async backup(
    host: Host,
    process: HostProcess,
    { uploadAgain = [], exclusions = [] }: BackupChoices = {},
  ): Promise<Outcome<BackupResult>> {
    const { expected, counts } = applyExclusions(this.tree.freeze(), exclusions)
    const changed = new Map<string, (TreeNode | null)[]>()
    const moved = new Map<string, string[]>()
    process.onSourceFault = (kind, absolute) => disturb(this, { kind, absolute, changed, moved })
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
        uploadAgain: this.processes.ignoresLoss ? [] : uploadAgain,
        exclude: { patterns: exclusions.map(({ pattern }) => this.processes.misread(pattern)) },
        toolVersion: 'simulation',
      }),
    )
    const newSnapshots = process.written
      .filter(({ key }) => parseManifestKey(key) !== null)
      .map((ref) =>
        this.snapshots.add(ref, expected, { changed, moved }, process.fired.has('sleep at the commit')),
      )
    const result = outcome !== 'crashed' && 'result' in outcome ? outcome.result : null
    if (hasBegunAnew(host, result, newSnapshots)) host.mayBeginAnew = true
    for (const snapshot of newSnapshots) this.snapshots.link(host, snapshot)
    // Only now: a pass whose snapshot followed the chain may precede the pass that found the cache corrupt.
    if (newSnapshots.length > 0) host.mayBeginAnew = false
    if (result !== null) {
      const last = newSnapshots.at(-1)
      const { snapshot } = result
      if (snapshot === null || last?.id !== snapshot.id || last.versionId !== snapshot.versionId)
        throw new Violation('the engine acknowledged a snapshot that is not in the vault')
      last.reportedMs = snapshot.timeMs
      assertShortReported(newSnapshots, result)
      const leftOut = Array.from(counts, ([rule, count]) => ({ rule: this.processes.misread(rule), count }))
      assertCounted(leftOut, result, last)
    }
    const mayMiss = sourceFaultKinds.some((kind) => process.fired.has(kind))
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
}
