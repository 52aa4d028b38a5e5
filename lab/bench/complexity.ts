// Measures how Holdfast's time and memory grow with files, bytes, snapshots and versions, in two tenfold steps.
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DeleteObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import { totalOf } from './access-log.ts'
import type { Tool, Repository } from './tool.ts'
import { makeBig, makeMixed, makeTiny, scaled } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import type { Gateway } from './gateway.ts'
import { measure } from './measured-process.ts'
import { assertSame, takeSample } from './measurement.ts'
import type { RunEnvironment, Sample } from './measurement.ts'
import type { Complexity, ComplexityPoint } from './results.ts'
import { spreadOf } from './statistics.ts'

/** Each point is the median of so many runs. */
const repeats = 3
const steps = [1, 10, 100]
/** Requests at once while a store is filled with versions. */
const atOnce = 16

export interface Growth extends RunEnvironment {
  gateway: Gateway
  tool: Tool
  scale: number
  report: (text: string) => void
}

export async function measureComplexity(growth: Growth): Promise<Omit<Complexity, 'provenance'>[]> {
  const tiny = 200_000
  const big = 8 * 2 ** 30
  return [
    {
      name: 'files',
      unit: 'files of 512 bytes',
      points: await growData(growth, 1000, (directory, files) => makeTiny(directory, files / tiny)),
    },
    {
      name: 'bytes',
      unit: 'bytes in one file',
      points: await growData(growth, 10e6, (directory, bytes) => makeBig(directory, bytes / big)),
    },
    { name: 'snapshots', unit: 'snapshots of one source', points: await growSnapshots(growth) },
    { name: 'versions', unit: 'delete markers over one snapshot', points: await growVersions(growth) },
  ]
}

/** A tree of a million files through every operation. */
export async function measureTree(growth: Growth): Promise<Omit<Complexity, 'provenance'>> {
  const { tool, folder, scale } = growth
  const size = scaled(1_000_000, scale)
  const { directory } = makeTiny(join(folder, 'data'), size / 200_000)
  const repository = await newRepository(growth, 'tree')
  const points: ComplexityPoint[] = []
  for (const [operation, invocation] of [
    ['first', tool.backup(repository, directory)],
    ['no-change', tool.backup(repository, directory)],
    ['restore', tool.restore(repository, join(folder, 'target'))],
    ['verify', tool.verify(repository)],
  ] as const)
    points.push(pointOf(growth, size, operation, [await takeSample(invocation, repository, growth)]))
  assertSame(directory, join(folder, 'target'))
  return { name: 'tree', unit: 'files of 512 bytes, each run once', points }
}

async function growData(
  growth: Growth,
  smallest: number,
  make: (directory: string, size: number) => Dataset,
): Promise<ComplexityPoint[]> {
  const points: ComplexityPoint[] = []
  for (const step of steps) {
    const size = scaled(smallest * step, growth.scale)
    const folder = join(growth.folder, 'data', String(size))
    mkdirSync(folder, { recursive: true })
    const { directory } = make(folder, size)
    const samples: Record<string, Sample[]> = { first: [], 'no-change': [], restore: [] }
    for (let repeat = 0; repeat < repeats; repeat++) {
      const repository = await newRepository(growth, `complexity-${step}-${size}-${repeat}`)
      const target = join(growth.folder, 'target')
      const { tool } = growth
      samples['first']!.push(await takeSample(tool.backup(repository, directory), repository, growth))
      samples['no-change']!.push(await takeSample(tool.backup(repository, directory), repository, growth))
      samples['restore']!.push(await takeSample(tool.restore(repository, target), repository, growth))
      rmSync(target, { recursive: true, force: true })
      growth.gateway.forget(repository.bucket)
    }
    for (const [operation, repeatedSamples] of Object.entries(samples))
      points.push(pointOf(growth, size, operation, repeatedSamples))
    rmSync(folder, { recursive: true, force: true })
  }
  return points
}

async function growSnapshots(growth: Growth): Promise<ComplexityPoint[]> {
  const { tool } = growth
  const { directory, oneFile } = makeSmall(growth, 'snapshots')
  const repository = await newRepository(growth, 'complexity-snapshots')
  const points: ComplexityPoint[] = []
  let snapshotCount = 0
  for (const step of steps) {
    const size = scaled(10 * step, growth.scale)
    for (; snapshotCount < size; snapshotCount++) {
      appendFileSync(join(directory, oneFile), `${snapshotCount}\n`)
      await measure(tool.backup(repository, directory), repository.cache)
    }
    points.push(...(await measureVault(growth, repository, size)))
  }
  return points
}

/** Delete markers over locked versions: an intruder can add many, and a reader must still find the versions. */
async function growVersions(growth: Growth): Promise<ComplexityPoint[]> {
  const { tool, gateway } = growth
  const { directory } = makeSmall(growth, 'versions')
  const repository = await newRepository(growth, 'complexity-versions')
  const Bucket = repository.bucket
  await measure(tool.backup(repository, directory), repository.cache)
  const { Versions = [] } = await gateway.client.send(new ListObjectVersionsCommand({ Bucket }))
  const keys = Versions.map(({ Key }) => Key!)
  const points: ComplexityPoint[] = []
  let markerCount = 0
  for (const step of steps) {
    const size = scaled(100 * step, growth.scale)
    while (markerCount < size) {
      const batch = Array.from(
        { length: Math.min(atOnce, size - markerCount) },
        (_, index) => keys[(markerCount + index) % keys.length]!,
      )
      // One deletion per key at a time, because the server stores two markers of the same time as one.
      await Promise.all(
        [...new Set(batch)].map((Key) => gateway.client.send(new DeleteObjectCommand({ Bucket, Key }))),
      )
      markerCount += new Set(batch).size
    }
    points.push(...(await measureVault(growth, repository, size)))
  }
  return points
}

/** A restore of the newest snapshot; other snapshots and markers in the vault should not slow it down. */
async function measureVault(
  growth: Growth,
  repository: Repository,
  size: number,
): Promise<ComplexityPoint[]> {
  const target = join(growth.folder, 'target')
  const samples: Record<string, Sample[]> = { restore: [] }
  for (let repeat = 0; repeat < repeats; repeat++) {
    samples['restore']!.push(await takeSample(growth.tool.restore(repository, target), repository, growth))
    rmSync(target, { recursive: true, force: true })
  }
  return Object.entries(samples).map(([operation, repeatedSamples]) =>
    pointOf(growth, size, operation, repeatedSamples),
  )
}

function makeSmall(growth: Growth, name: string): Dataset {
  const directory = join(growth.folder, 'data', name)
  mkdirSync(directory, { recursive: true })
  return makeMixed(directory, 0.01)
}

async function newRepository({ tool, folder }: Growth, bucket: string): Promise<Repository> {
  const repository = { bucket, cache: join(folder, 'caches', bucket) }
  mkdirSync(repository.cache, { recursive: true })
  await tool.prepare(repository)
  return repository
}

function pointOf(
  { report }: Growth,
  size: number,
  operation: string,
  samples: readonly Sample[],
): ComplexityPoint {
  const median = (of: (sample: Sample) => number): number => spreadOf(samples.map(of)).median
  const point = {
    size,
    operation,
    seconds: median(({ cost }) => cost.seconds),
    cpuSeconds: median(({ cost }) => cost.cpuSeconds),
    peakBytes: median(({ cost }) => cost.peakBytes),
    requests: totalOf(samples.at(-1)!.requests),
  }
  report(
    `  ${operation.padEnd(10)} ${size}: ${point.seconds.toFixed(2)} s, ${Math.round(point.peakBytes / 2 ** 20)} MiB, ${point.requests} requests`,
  )
  return point
}
