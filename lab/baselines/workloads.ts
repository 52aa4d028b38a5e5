// Three kinds of sources, and how a day changes each of them.
import type { Seeded } from '../simulation/random.ts'
import { SimulatedSource } from './simulated-source.ts'
import type { SimulatedFile } from './simulated-source.ts'

const kib = 1024
/** The usual size of a writer's chunk: core/pack/chunker.ts. */
const chunkBytes = 512 * kib

export interface Workload {
  readonly name: string
  readonly text: string
  /** @param scale 1 for a source of about half a GiB; less for a trial with real files. */
  begin: (seeded: Seeded, scale: number) => RunningWorkload
}

export interface RunningWorkload {
  readonly source: SimulatedSource
  /** Does the work of a day. @param day 0 is a Monday. */
  pass: (day: number) => void
}

const daysPerWeek = 7
const saturday = 5
const sunday = 6

function isWeekend(day: number): boolean {
  return day % daysPerWeek >= saturday
}

function storedShareOf(source: SimulatedSource, usual: number, incompressibleShare: number): number {
  return source.seeded.chance(incompressibleShare) ? 1 : Math.min(0.9, usual * source.factor(0.1))
}

/** Tables of 8 MiB and small files. */
const database: Workload = {
  name: 'OLTP database',
  text: 'a data directory; a working day edits 3 % of its chunks, which also cuts those beside them anew, a day of a weekend half; maintenance edits 2 % more once in 30 days; 0.1 % growth a day',
  begin(seeded, scale) {
    const source = new SimulatedSource(seeded)
    for (let table = 0; table < Math.round(60 * scale); table++)
      source.write(
        `base/${table}`,
        Array.from({ length: 16 }, () => source.newChunk(chunkBytes, storedShareOf(source, 0.35, 0.02))),
      )
    for (let file = 0; file < Math.round(1200 * scale); file++)
      source.write(`base/small-${file}`, [source.newChunk(8 * kib * (1 + seeded.below(8)), 0.2)])
    return { source, pass: (day) => passDatabaseDay(source, day) }
  },
}

function passDatabaseDay(source: SimulatedSource, day: number): void {
  const tables = [...source.files.values()].filter(({ chunks }) => chunks.length > 1)
  const chunks = tables.reduce((sum, table) => sum + table.chunks.length, 0)
  const activity = (isWeekend(day) ? 0.5 : 1) * source.factor(0.2)
  const maintenance = day % 30 === 17 ? 0.02 : 0
  const rewrites = Math.round(chunks * Math.min(0.9, 0.03 * activity + maintenance))
  for (let rewrite = 0; rewrite < rewrites; rewrite++) {
    const table = source.seeded.pick(tables)
    source.edit(table, source.seeded.below(table.chunks.length), storedShareOf(source, 0.35, 0.02))
  }
  for (let growth = source.count(0.001 * chunks * activity); growth > 0; growth--) {
    const table = source.seeded.pick(tables)
    table.chunks = [...table.chunks, source.newChunk(chunkBytes, storedShareOf(source, 0.35, 0.02))]
  }
  addTemporaryFiles(source)
}

function addTemporaryFiles(source: SimulatedSource): void {
  for (const name of source.files.keys()) if (name.startsWith('tmp/')) source.files.delete(name)
  for (let file = source.count(1); file > 0; file--)
    source.write(`tmp/${file}`, [source.newChunk(64 * kib, 0.3)])
}

/** Images that users add; they never change, and few are deleted. */
const uploads: Workload = {
  name: 'growing uploads',
  text: 'images of users, which do not shrink; 1 % more on a working day, 0.6 % on a day of a weekend; one in a thousand is deleted a day',
  begin(seeded, scale) {
    const source = new SimulatedSource(seeded)
    for (let file = 0; file < Math.round(1000 * scale); file++) addUpload(source)
    return { source, pass: (day) => passUploadsDay(source, day) }
  },
}

function passUploadsDay(source: SimulatedSource, day: number): void {
  const files = [...source.files.values()]
  for (let gone = source.count(0.001 * files.length); gone > 0; gone--)
    source.files.delete(source.seeded.pick(files).name)
  const activity = (isWeekend(day) ? 0.6 : 1) * source.factor(0.2)
  for (let added = source.count(0.01 * files.length * activity); added > 0; added--) addUpload(source)
  for (let edits = source.count(0.0005 * files.length); edits > 0; edits--) {
    const file = source.seeded.pick(files)
    if (source.files.has(file.name)) source.replace(file, 0)
  }
}

function addUpload(source: SimulatedSource): void {
  const bytes = Math.min(2 * chunkBytes, 400 * kib * source.factor(0.4))
  const chunk = source.newChunk(bytes, source.seeded.chance(0.95) ? 1 : 0.5)
  source.write(`uploads/${chunk.id}`, [chunk])
}

const batchFiles = 50
const batchesKept = 4

/** Results that a job writes each Sunday, with four weeks of them kept, and inputs that hardly change. */
const batch: Workload = {
  name: 'weekly batch',
  text: 'a job writes new results each Sunday and removes those of four weeks before; on other days a few inputs change; one job in a hundred is a day late',
  begin(seeded, scale) {
    const source = new SimulatedSource(seeded)
    for (let file = 0; file < Math.round(200 * scale); file++)
      source.write(`inputs/${file}`, [source.newChunk(chunkBytes * source.factor(0.5), 0.4)])
    const usualFiles = Math.round(batchFiles * scale)
    for (let week = -batchesKept; week < 0; week++) addBatch(source, week, usualFiles)
    let lateWeek: number | null = null
    const runJob = (week: number): void => {
      for (const name of source.files.keys())
        if (name.startsWith(`results/${week - batchesKept}/`)) source.files.delete(name)
      addBatch(source, week, usualFiles)
    }
    const pass = (day: number): void => {
      editInputs(source)
      if (lateWeek !== null) runJob(lateWeek)
      lateWeek = null
      if (day % daysPerWeek !== sunday) return
      const week = Math.floor(day / daysPerWeek)
      if (seeded.chance(0.01)) lateWeek = week
      else runJob(week)
    }
    return { source, pass }
  },
}

function editInputs(source: SimulatedSource): void {
  const inputs = [...source.files.values()].filter(({ name }) => name.startsWith('inputs/'))
  for (let edits = source.count(0.005 * inputs.length); edits > 0; edits--)
    source.replace(source.seeded.pick(inputs), 0)
}

function addBatch(source: SimulatedSource, week: number, usualFiles: number): void {
  const files = Math.round(usualFiles * source.factor(0.03))
  for (let file = 0; file < files; file++) {
    const chunks = Array.from({ length: 2 }, () => source.newChunk(chunkBytes * source.factor(0.2), 0.3))
    source.write(`results/${week}/${file}`, chunks)
  }
}

export const workloads: readonly Workload[] = [database, uploads, batch]

/** Content that was encrypted in place: the size stays, and nothing shrinks. */
export function encrypt(source: SimulatedSource, file: SimulatedFile): void {
  for (let chunk = 0; chunk < file.chunks.length; chunk++) source.replace(file, chunk, 1)
}
