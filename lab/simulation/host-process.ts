// A process of the simulated host. The process counts the engine's steps, meets the planned faults, and can end at
// any step. After a crash no call has an effect; the disk and the vault keep their state.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Tally } from './tally.ts'

/** Faults of the source's files, after which a backup may lack paths. */
export const sourceFaultKinds = [
  'source EIO',
  'source EACCES',
  'file changes',
  'file vanishes',
  'entry moves',
  'directory becomes a link',
] as const

export const faultKinds = [
  // Faults of the store.
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
  'sleep at the commit',
  ...sourceFaultKinds,
  // Faults of the target's and the cache's files.
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
export type CrashPoint =
  'crash at a request' | 'crash after a request' | 'crash in a file system call' | 'crash in the cache'

export const crashPoints: readonly CrashPoint[] = [
  'crash at a request',
  'crash after a request',
  'crash in a file system call',
  'crash in the cache',
]

/**
 * A fault that fires at the `at`th event that it can happen to, counted from 1, and at the ones after it, `times` in
 * all.
 */
export interface PlannedFault {
  kind: FaultKind
  at: number
  times: number
}

/** The process ends at its `at`th step of this kind, counted from 1. */
export interface PlannedCrash {
  point: CrashPoint
  at: number
}

export interface Plan {
  faults?: readonly PlannedFault[]
  crash?: PlannedCrash
}

/** Every call of a process throws this after the end of the process. */
export class Crash extends Error {}

export class HostProcess {
  readonly name: string
  private readonly tally: Tally
  private readonly plan: Plan
  private readonly eventsByFault = new Map<FaultKind, number>()
  /** Steps so far, by kind: calls of the file system, statements of the cache, requests and their replies. */
  readonly steps = new Map<CrashPoint, number>()
  crashed = false
  /** Kinds of faults that this process met. */
  readonly fired = new Set<FaultKind>()
  /** Object versions that this process wrote, also those whose reply was lost. */
  readonly written: { key: string; versionId: string }[] = []
  /** Buffers that this process allocated or passed to the store: free after its end. */
  readonly buffers = new Set<ArrayBufferLike | Buffer<ArrayBuffer>>()
  /** Changes the file that the engine is about to read. */
  onSourceFault: (kind: FaultKind, path: Buffer) => void = () => {}

  constructor(name: string, tally: Tally, plan: Plan = {}) {
    this.name = name
    this.tally = tally
    this.plan = plan
  }

  /** @param half does the part of the step that takes effect before the process ends. */
  step(point: CrashPoint, half: () => void = () => {}): void {
    if (this.crashed) throw new Crash('this process has ended')
    const steps = (this.steps.get(point) ?? 0) + 1
    this.steps.set(point, steps)
    const { crash } = this.plan
    if (crash?.point !== point || steps < crash.at) return
    this.crashed = true
    this.tally.count('fault', point)
    half()
    throw new Crash('the process ended here')
  }

  /** Whether a fault of this kind happens to this event. */
  meets(kind: FaultKind): boolean {
    const plan = this.plan.faults?.find((fault) => fault.kind === kind)
    if (plan === undefined) return false
    const event = (this.eventsByFault.get(kind) ?? 0) + 1
    this.eventsByFault.set(kind, event)
    if (event < plan.at || event >= plan.at + plan.times) return false
    this.fired.add(kind)
    this.tally.count('fault', kind)
    return true
  }

  /** Attributes all calls of `work`, also the later ones, to this process. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    return running.run(this, work)
  }
}

const running = new AsyncLocalStorage<HostProcess>()

/** The process on whose behalf this code runs; undefined for the simulation itself. */
export function currentProcess(): HostProcess | undefined {
  return running.getStore()
}

/** Runs `work` as the simulation itself, in the middle of a process's call. */
export function outsideProcess(work: () => void): void {
  running.exit(work)
}
