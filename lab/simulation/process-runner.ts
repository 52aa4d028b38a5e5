// Runs operations as processes of the simulated host. Each process has its own connection, faults and planned crash.
import { HoldfastError } from '../../core/errors.ts'
import type { WorldClock } from './clocks.ts'
import type { CommittedSnapshots } from './committed-snapshots.ts'
import { isCrash } from './file-system.ts'
import { HostProcess } from './host-process.ts'
import type { CrashPoint, Plan } from './host-process.ts'
import { releaseBuffer } from './pack-buffers.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { Seeded } from './random.ts'
import type { Tally } from './tally.ts'
import { VaultConnection } from './vault-connection.ts'
import type { Vault } from './vault.ts'
import { Violation } from './violation.ts'

export type Outcome<Result> = { result: Result } | { error: unknown } | 'crashed'

/** Turns of the event loop in which the pending calls of a failed process end, before the next process starts. */
const turnsToSettle = 8

export interface RunnerParts {
  readonly vault: Vault
  readonly clock: WorldClock
  readonly random: Seeded
  readonly tally: Tally
  readonly snapshots: CommittedSnapshots
  readonly plantedBug: PlantedBug | null
}

export class ProcessRunner {
  /** Steps that the last process of this name took: a planned crash falls among them. */
  readonly usualSteps = new Map<string, ReadonlyMap<CrashPoint, number>>()
  private readonly parts: RunnerParts
  private readonly strays: string[] = []

  constructor(parts: RunnerParts) {
    this.parts = parts
  }

  /** Whether the planted bug makes a backup forget which packs are lost. */
  get ignoresLoss(): boolean {
    return this.parts.plantedBug?.ignoresLoss ?? false
  }

  /** A rule as the engine gets it. */
  misread(pattern: string): string {
    return this.parts.plantedBug?.misread?.(pattern) ?? pattern
  }

  start(name: string, plan: Plan = {}): HostProcess {
    const process = new HostProcess(name, this.parts.tally, plan)
    this.parts.plantedBug?.prepare?.(process)
    return process
  }

  connect(process: HostProcess): VaultConnection {
    const { vault, clock, random, plantedBug } = this.parts
    const connection = new VaultConnection(vault, clock, process, new Seeded(random.below(2 ** 32)))
    return plantedBug?.wrap?.(connection, this.parts, process) ?? connection
  }

  /** Records a change outside of every cache and target: `run` fails with it. */
  noteStray(call: string, path: string): void {
    this.strays.push(`${call} ${path}`)
  }

  /** Runs `work` to its end. @throws Violation for an error that is neither a typed failure nor left by a crash. */
  async run<Result>(process: HostProcess, work: () => Promise<Result>): Promise<Outcome<Result>> {
    let outcome: Outcome<Result>
    try {
      outcome = { result: await process.run(work) }
    } catch (error) {
      outcome = { error }
    }
    for (let turn = 0; turn < turnsToSettle; turn++) await new Promise((resolve) => setImmediate(resolve))
    for (const buffer of process.buffers) releaseBuffer(buffer)
    this.usualSteps.set(process.name, process.steps)
    if (this.strays.length > 0)
      throw new Violation(`${process.name} wrote outside its target: ${this.strays.join(', ')}`)
    if (process.crashed) return 'crashed'
    if ('error' in outcome && (isCrash(outcome.error) || !(outcome.error instanceof HoldfastError))) {
      throw new Violation(
        `${process.name} failed with an untyped error: ${outcome.error instanceof Error ? outcome.error.stack : String(outcome.error)}`,
      )
    }
    return outcome
  }
}
