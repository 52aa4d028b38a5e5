// Alternating rounds of both contenders over one data set.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../core/errors.ts'
import { measureCeilings } from './theoretical-limits.ts'
import type { Requests } from './access-log.ts'
import { totalOf } from './access-log.ts'
import type { Contender, ContenderName, Repository } from './tool.ts'
import type { Dataset } from './dataset.ts'
import type { MeasuredStore } from './gateway.ts'
import { measure } from './measured-process.ts'
import type { Cost, Invocation } from './measured-process.ts'
import type { Ceilings, RunResults, Side } from './results.ts'

export const runNames = ['first', 'no-change', 'change', 'restore', 'restore-one'] as const
export type RunName = (typeof runNames)[number]

/** After many files were removed, the file system makes new ones slowly for some seconds. */
const defaultCalmMs = 5000

/** Where a run is measured. */
export interface Place {
  gateway: MeasuredStore
  /** Free to use. */
  folder: string
  /** Leaves nothing to be written to the disk from before. */
  sync: () => void
}

export interface Setting extends Place {
  contenders: readonly Contender[]
  rounds: number
  runs: readonly RunName[]
  report: (text: string) => void
  /** How long the file system gets after a round's files were removed. */
  calmMs?: number
}

export interface Sample {
  cost: Cost
  storeCpuSeconds: number
  /** What was left to be written to the disk when it ended. */
  syncSeconds: number
  requests: Requests
  storedBytes: number
}

type Samples = Map<RunName, Record<ContenderName, Sample[]>>

/** Each round begins with new repositories; who goes first alternates, and both see the same changes. */
export async function measureDataset(
  dataset: Dataset,
  setting: Setting,
): Promise<{ runs: RunResults[]; ceilings?: Ceilings }> {
  const samples: Samples = new Map()
  let ceilings: Ceilings | undefined
  for (let round = 0; round < setting.rounds; round++) {
    const order = round % 2 === 0 ? setting.contenders : setting.contenders.toReversed()
    setting.report(`${dataset.name}: round ${round + 1} of ${setting.rounds}`)
    const afterwards = async (bucket: string, folder: string): Promise<void> => {
      if (round === setting.rounds - 1)
        ceilings = await measureCeilings(dataset, bucket, setting.gateway, folder)
    }
    await measureRound(dataset, round, order, setting, samples, afterwards)
  }
  const runs = setting.runs
    .filter((name) => samples.has(name))
    .map((name) => {
      return { name, ...sidesOf(samples.get(name)!) }
    })
  return { runs, ...(ceilings === undefined ? {} : { ceilings }) }
}

async function measureRound(
  dataset: Dataset,
  round: number,
  order: readonly Contender[],
  setting: Setting,
  samples: Samples,
  afterwards: (holdfastBucket: string, folder: string) => Promise<void>,
): Promise<void> {
  const { folder, gateway } = setting
  const roundFolder = join(folder, `round-${round}`)
  const repositories = new Map<ContenderName, Repository>()
  for (const contender of order) {
    const repository = {
      bucket: `${contender.name}-${dataset.name}-${round}`,
      cache: join(roundFolder, `${contender.name}-cache`),
    }
    mkdirSync(repository.cache, { recursive: true })
    await contender.prepare(repository)
    repositories.set(contender.name, repository)
  }
  const invocations: Record<
    RunName,
    (contender: Contender, repository: Repository, target: string) => Invocation
  > = {
    first: (contender, repository) => contender.backup(repository, dataset.directory),
    'no-change': (contender, repository) => contender.backup(repository, dataset.directory),
    change: (contender, repository) => contender.backup(repository, dataset.directory),
    restore: (contender, repository, target) => contender.restore(repository, target),
    'restore-one': (contender, repository, target) =>
      contender.restore(repository, target, { path: dataset.oneFile }),
  }
  for (const name of runNames) {
    // The first backup fills the repository, whether its figures are asked for or not.
    if (name !== 'first' && !setting.runs.includes(name)) continue
    if (name === 'change') await dataset.change(round)
    for (const contender of order) {
      const repository = repositories.get(contender.name)!
      const target = join(roundFolder, `${contender.name}-${name}`)
      const sample = await takeSample(invocations[name](contender, repository, target), repository, {
        ...setting,
        folder: roundFolder,
      })
      setting.report(`  ${name.padEnd(12)} ${contender.name.padEnd(9)} ${describe(sample)}`)
      const taken = samples.get(name) ?? { holdfast: [], restic: [] }
      taken[contender.name].push(sample)
      samples.set(name, taken)
      if (round === 0 && name === 'restore') assertSame(dataset.directory, target)
    }
  }
  await afterwards(repositories.get('holdfast')!.bucket, roundFolder)
  for (const { bucket } of repositories.values()) gateway.forget(bucket)
  rmSync(roundFolder, { recursive: true, force: true })
  await sleep(setting.calmMs ?? defaultCalmMs)
}

/** What one run costs. */
export async function takeSample(
  invocation: Invocation,
  repository: Repository,
  { folder, gateway, sync }: Place,
): Promise<Sample> {
  sync()
  const [mark, before] = [gateway.mark(), gateway.cpuSeconds()]
  const { cost } = await measure(invocation, folder)
  const storeCpuSeconds = gateway.cpuSeconds() - before
  const endedMs = performance.now()
  sync()
  return {
    cost,
    storeCpuSeconds,
    syncSeconds: (performance.now() - endedMs) / 1000,
    requests: gateway.requestsSince(mark),
    storedBytes: gateway.storedBytes(repository.bucket),
  }
}

function describe({ cost, requests, storedBytes }: Sample): string {
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  return `${cost.seconds.toFixed(2).padStart(7)} s ${cost.cpuSeconds.toFixed(2).padStart(7)} s CPU ${mib(cost.peakBytes).padStart(9)} peak ${String(
    totalOf(requests),
  ).padStart(5)} requests ${mib(storedBytes).padStart(10)} stored`
}

/** A restore that brings back something else would be no measurement. */
export function assertSame(directory: string, restored: string): void {
  try {
    execFileSync('diff', ['-r', '--no-dereference', '-q', directory, restored], {
      stdio: 'pipe',
      maxBuffer: 2 ** 26,
    })
  } catch (cause) {
    throw new HoldfastError('internal', `what was restored to ${restored} is not what is in ${directory}`, {
      cause,
    })
  }
}

export function sidesOf({
  holdfast,
  restic,
}: Record<ContenderName, readonly Sample[]>): Record<ContenderName, Side> {
  return { holdfast: sideOf(holdfast), restic: sideOf(restic) }
}

function sideOf(samples: readonly Sample[]): Side {
  const last = samples.at(-1)!
  return {
    seconds: samples.map(({ cost }) => round3(cost.seconds)),
    cpuSeconds: samples.map(({ cost }) => round3(cost.cpuSeconds)),
    peakBytes: samples.map(({ cost }) => cost.peakBytes),
    storeCpuSeconds: samples.map(({ storeCpuSeconds }) => round3(storeCpuSeconds)),
    syncSeconds: samples.map(({ syncSeconds }) => round3(syncSeconds)),
    requests: last.requests,
    storedBytes: last.storedBytes,
  }
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000
}
