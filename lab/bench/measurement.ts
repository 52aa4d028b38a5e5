// Measures alternating rounds of both tools on one data set.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../core/errors.ts'
import { measureTheoreticalLimits } from './theoretical-limits.ts'
import type { Requests } from './access-log.ts'
import { totalOf } from './access-log.ts'
import type { Tool, ToolName, Repository } from './tool.ts'
import type { Dataset } from './dataset.ts'
import type { MeasuredStore } from './gateway.ts'
import { measure } from './measured-process.ts'
import type { Cost, Invocation } from './measured-process.ts'
import type { TheoreticalLimits, RunResults, Side } from './results.ts'

export const runNames = ['first', 'no-change', 'change', 'restore', 'restore-one'] as const
export type RunName = (typeof runNames)[number]

/** A pause after each round, because the file system makes new files slowly for some seconds after many removals. */
const defaultCalmMs = 5000

/** The store and the folder of a measured run. */
export interface RunEnvironment {
  gateway: MeasuredStore
  /** An empty folder for the run. */
  folder: string
  /** Writes all pending data to the disk. */
  sync: () => void
}

export interface Setting extends RunEnvironment {
  tools: readonly Tool[]
  rounds: number
  runs: readonly RunName[]
  report: (text: string) => void
  /** Pause after the removal of a round's files. */
  calmMs?: number
}

export interface Sample {
  cost: Cost
  storeCpuSeconds: number
  /** Duration of a `sync` after the end of the run. */
  syncSeconds: number
  requests: Requests
  storedBytes: number
}

type Samples = Map<RunName, Record<ToolName, Sample[]>>

/** Each round begins with new repositories. The first tool alternates, and both tools see the same changes. */
export async function measureDataset(
  dataset: Dataset,
  setting: Setting,
): Promise<{ runs: RunResults[]; ceilings?: TheoreticalLimits }> {
  const samples: Samples = new Map()
  let ceilings: TheoreticalLimits | undefined
  for (let round = 0; round < setting.rounds; round++) {
    const order = round % 2 === 0 ? setting.tools : setting.tools.toReversed()
    setting.report(`${dataset.name}: round ${round + 1} of ${setting.rounds}`)
    const afterwards = async (bucket: string, folder: string): Promise<void> => {
      if (round === setting.rounds - 1)
        ceilings = await measureTheoreticalLimits(dataset, bucket, setting.gateway, folder)
    }
    await measureRound({ dataset, round, order, afterwards }, setting, samples)
  }
  const runs = setting.runs
    .filter((name) => samples.has(name))
    .map((name) => {
      return { name, ...sidesOf(samples.get(name)!) }
    })
  return { runs, ...(ceilings === undefined ? {} : { ceilings }) }
}

interface Round {
  readonly dataset: Dataset
  readonly round: number
  readonly order: readonly Tool[]
  /** Called before the buckets of the round are removed. */
  readonly afterwards: (holdfastBucket: string, folder: string) => Promise<void>
}

async function measureRound(
  { dataset, round, order, afterwards }: Round,
  setting: Setting,
  samples: Samples,
): Promise<void> {
  const { folder, gateway } = setting
  const roundFolder = join(folder, `round-${round}`)
  const repositories = new Map<ToolName, Repository>()
  for (const tool of order) {
    const repository = {
      bucket: `${tool.name}-${dataset.name}-${round}`,
      cache: join(roundFolder, `${tool.name}-cache`),
    }
    mkdirSync(repository.cache, { recursive: true })
    await tool.prepare(repository)
    repositories.set(tool.name, repository)
  }
  const invocations: Record<RunName, (tool: Tool, repository: Repository, target: string) => Invocation> = {
    first: (tool, repository) => tool.backup(repository, dataset.directory),
    'no-change': (tool, repository) => tool.backup(repository, dataset.directory),
    change: (tool, repository) => tool.backup(repository, dataset.directory),
    restore: (tool, repository, target) => tool.restore(repository, target),
    'restore-one': (tool, repository, target) => tool.restore(repository, target, { path: dataset.oneFile }),
  }
  for (const name of runNames) {
    // Always run the first backup, because it fills the repository.
    if (name !== 'first' && !setting.runs.includes(name)) continue
    if (name === 'change') await dataset.change(round)
    for (const tool of order) {
      const repository = repositories.get(tool.name)!
      const target = join(roundFolder, `${tool.name}-${name}`)
      const sample = await takeSample(invocations[name](tool, repository, target), repository, {
        ...setting,
        folder: roundFolder,
      })
      setting.report(`  ${name.padEnd(12)} ${tool.name.padEnd(9)} ${describe(sample)}`)
      const toolSamples = samples.get(name) ?? { holdfast: [], restic: [] }
      toolSamples[tool.name].push(sample)
      samples.set(name, toolSamples)
      if (round === 0 && name === 'restore') assertSame(dataset.directory, target)
    }
  }
  await afterwards(repositories.get('holdfast')!.bucket, roundFolder)
  for (const { bucket } of repositories.values()) gateway.forget(bucket)
  rmSync(roundFolder, { recursive: true, force: true })
  await sleep(setting.calmMs ?? defaultCalmMs)
}

/** Runs the invocation, and returns its cost. */
export async function takeSample(
  invocation: Invocation,
  repository: Repository,
  { folder, gateway, sync }: RunEnvironment,
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

/** Throws if the restored data differ, because such a run would be no measurement. */
export function assertSame(directory: string, restored: string): void {
  try {
    execFileSync('diff', ['-r', '--no-dereference', '-q', directory, restored], {
      stdio: 'pipe',
      maxBuffer: 2 ** 26,
    })
  } catch (cause) {
    throw new HoldfastError('internal', `the restored data in ${restored} is not what is in ${directory}`, {
      cause,
    })
  }
}

export function sidesOf({ holdfast, restic }: Record<ToolName, readonly Sample[]>): Record<ToolName, Side> {
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
