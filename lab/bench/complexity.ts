// How time and memory of Holdfast grow as files, bytes, snapshots and versions grow tenfold, twice; and a million files, once.
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DeleteObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import { totalOf } from './access-log.ts'
import type { Contender, Repository } from './tool.ts'
import { makeBig, makeMixed, makeTiny, scaled } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import type { Gateway } from './gateway.ts'
import { measure } from './measured-process.ts'
import { assertSame, takeSample } from './measurement.ts'
import type { Place, Sample } from './measurement.ts'
import type { Complexity, ComplexityPoint } from './results.ts'
import { spreadOf } from './statistics.ts'

/** Each point is the median of so many runs. */
const repeats = 3
const steps = [1, 10, 100]
/** Requests at once while a store is filled with versions. */
const atOnce = 16

export interface Growth extends Place {
  gateway: Gateway
  contender: Contender
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
  const { contender, folder, scale } = growth
  const size = scaled(1_000_000, scale)
  const { directory } = makeTiny(join(folder, 'data'), size / 200_000)
  const repository = await newRepository(growth, 'tree')
  const points: ComplexityPoint[] = []
  for (const [operation, invocation] of [
    ['first', contender.backup(repository, directory)],
    ['no-change', contender.backup(repository, directory)],
    ['restore', contender.restore(repository, join(folder, 'target'))],
    ['verify', contender.verify(repository)],
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
      const { contender } = growth
      samples['first']!.push(await takeSample(contender.backup(repository, directory), repository, growth))
      samples['no-change']!.push(
        await takeSample(contender.backup(repository, directory), repository, growth),
      )
      samples['restore']!.push(await takeSample(contender.restore(repository, target), repository, growth))
      rmSync(target, { recursive: true, force: true })
      growth.gateway.forget(repository.bucket)
    }
    for (const [operation, taken] of Object.entries(samples))
      points.push(pointOf(growth, size, operation, taken))
    rmSync(folder, { recursive: true, force: true })
  }
  return points
}

async function growSnapshots(growth: Growth): Promise<ComplexityPoint[]> {
  const { contender } = growth
  const { directory, oneFile } = makeSmall(growth, 'snapshots')
  const repository = await newRepository(growth, 'complexity-snapshots')
  const points: ComplexityPoint[] = []
  let made = 0
  for (const step of steps) {
    const size = scaled(10 * step, growth.scale)
    for (; made < size; made++) {
      appendFileSync(join(directory, oneFile), `${made}\n`)
      await measure(contender.backup(repository, directory), repository.cache)
    }
    points.push(...(await measureVault(growth, repository, size)))
  }
  return points
}

/** Who may delete can hide what is locked, and never remove it: so many markers are what a reader must see through. */
async function growVersions(growth: Growth): Promise<ComplexityPoint[]> {
  const { contender, gateway } = growth
  const { directory } = makeSmall(growth, 'versions')
  const repository = await newRepository(growth, 'complexity-versions')
  const Bucket = repository.bucket
  await measure(contender.backup(repository, directory), repository.cache)
  const { Versions = [] } = await gateway.client.send(new ListObjectVersionsCommand({ Bucket }))
  const keys = Versions.map(({ Key }) => Key!)
  const points: ComplexityPoint[] = []
  let made = 0
  for (const step of steps) {
    const size = scaled(100 * step, growth.scale)
    while (made < size) {
      const batch = Array.from(
        { length: Math.min(atOnce, size - made) },
        (_, index) => keys[(made + index) % keys.length]!,
      )
      // Two at once over one key would not be a marker each, on a server that keeps them by time.
      await Promise.all(
        [...new Set(batch)].map((Key) => gateway.client.send(new DeleteObjectCommand({ Bucket, Key }))),
      )
      made += new Set(batch).size
    }
    points.push(...(await measureVault(growth, repository, size)))
  }
  return points
}

/** A restore of all of it, and of one file; what is in the vault besides should not matter. */
async function measureVault(
  growth: Growth,
  repository: Repository,
  size: number,
): Promise<ComplexityPoint[]> {
  const target = join(growth.folder, 'target')
  const samples: Record<string, Sample[]> = { restore: [] }
  for (let repeat = 0; repeat < repeats; repeat++) {
    samples['restore']!.push(
      await takeSample(growth.contender.restore(repository, target), repository, growth),
    )
    rmSync(target, { recursive: true, force: true })
  }
  return Object.entries(samples).map(([operation, taken]) => pointOf(growth, size, operation, taken))
}

function makeSmall(growth: Growth, name: string): Dataset {
  const directory = join(growth.folder, 'data', name)
  mkdirSync(directory, { recursive: true })
  return makeMixed(directory, 0.01)
}

async function newRepository({ contender, folder }: Growth, bucket: string): Promise<Repository> {
  const repository = { bucket, cache: join(folder, 'caches', bucket) }
  mkdirSync(repository.cache, { recursive: true })
  await contender.prepare(repository)
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
