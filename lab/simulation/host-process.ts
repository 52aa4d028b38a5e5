// A process of the simulated host: what the engine does on its behalf is counted, can meet faults, and can end anywhere.
// After a crash nothing it tries has an effect; what is on the disk and in the vault stays.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Tally } from './tally.ts'

export const faultKinds = [
  // Of the store.
  'internal error',
  'slow down',
  'too many requests',
  'connection reset',
  'lost reply',
  'key taken',
  'flipped body',
  'other range',
  'torn body',
  'broken listing',
  'expired credentials',
  'slow answer',
  // Of the source's files, the target's and the cache's.
  'source EIO',
  'source EACCES',
  'file changes',
  'file vanishes',
  'target ENOSPC',
  'target EDQUOT',
  'target EIO',
  'target EACCES',
  'sync ENOSPC',
  'sync EIO',
  'cache EIO',
  'cache full',
] as const

export type FaultKind = (typeof faultKinds)[number]
export type CrashPlace =
  'crash at a request' | 'crash after a request' | 'crash in a file system call' | 'crash in the cache'

export const crashPlaces: readonly CrashPlace[] = [
  'crash at a request',
  'crash after a request',
  'crash in a file system call',
  'crash in the cache',
]

/** A fault that fires at the `at`th event that it can happen to, counted from 1, and at the ones after it, `times` in all. */
export interface PlannedFault {
  kind: FaultKind
  at: number
  times: number
}

/** The process ends at its `at`th step of this kind. */
export interface PlannedCrash {
  place: CrashPlace
  at: number
}

export interface Plan {
  faults?: readonly PlannedFault[]
  crash?: PlannedCrash
}

/** Thrown by everything that a process tries after its end. */
export class Crash extends Error {}

export class HostProcess {
  readonly name: string
  private readonly tally: Tally
  private readonly faults: readonly PlannedFault[]
  private readonly crash: PlannedCrash | null
  private readonly met = new Map<FaultKind, number>()
  /** Steps taken so far, by where it could end: calls of the file system, statements of the cache, requests and their replies. */
  readonly steps = new Map<CrashPlace, number>()
  crashed = false
  /** Faults that it met. */
  readonly fired = new Set<FaultKind>()
  /** Object versions that it wrote, whether it learned of it or not. */
  readonly written: { key: string; versionId: string }[] = []
  /** Memory that it took or handed to the store: free when it has ended. */
  readonly memory = new Set<ArrayBufferLike | Buffer<ArrayBuffer>>()
  /** Changes the file that is about to be read: what a fault of the source means. */
  onSourceFault: (kind: FaultKind, path: Buffer) => void = () => {}

  constructor(name: string, tally: Tally, plan: Plan = {}) {
    this.name = name
    this.tally = tally
    this.faults = plan.faults ?? []
    this.crash = plan.crash ?? null
  }

  /** @param half what may be done of a step that is cut off. */
  step(place: CrashPlace, half: () => void = () => {}): void {
    if (this.crashed) throw new Crash('this process has ended')
    const steps = (this.steps.get(place) ?? 0) + 1
    this.steps.set(place, steps)
    if (this.crash?.place !== place || steps < this.crash.at) return
    this.crashed = true
    this.tally.count('fault', place)
    half()
    throw new Crash('the process ended here')
  }

  /** Whether a fault of this kind happens to this event. */
  meets(kind: FaultKind): boolean {
    const plan = this.faults.find((fault) => fault.kind === kind)
    if (plan === undefined) return false
    const event = (this.met.get(kind) ?? 0) + 1
    this.met.set(kind, event)
    if (event < plan.at || event >= plan.at + plan.times) return false
    this.fired.add(kind)
    this.tally.count('fault', kind)
    return true
  }

  /** Whatever `work` does, now and later, is this process's. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    return running.run(this, work)
  }
}

const running = new AsyncLocalStorage<HostProcess>()

/** The process on whose behalf this code runs; undefined for the simulation itself. */
export function currentProcess(): HostProcess | undefined {
  return running.getStore()
}

/** For what somebody else does in the middle of a process's call. */
export function asNobody(work: () => void): void {
  running.exit(work)
}
