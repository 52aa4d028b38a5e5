// Makes the data sets from a seed, and changes a small part of them between two backups.
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { SeededBytes } from './seeded-bytes.ts'

const kib = 1024
const mib = 1024 * kib

export type DatasetName = 'mixed' | 'tiny' | 'big' | 'postgres' | 'daily' | 'random'

export interface Dataset {
  name: DatasetName
  description: string
  directory: string
  files: number
  bytes: number
  /** The file for the restore of one file, relative to `directory`. */
  oneFile: string
  /** Changes about 2 % of the bytes in place; `daily`: 0.1 % of the files. */
  change: (round: number) => Promise<void> | void
  close?: () => Promise<void>
}

interface FileGroup {
  folder: string
  count: number
  bytes: number
}

const perFolder = 500
/** Bytes of one write. */
const blockBytes = 4 * mib

/** @param scale 1 for the size of the targets. */
export function makeMixed(directory: string, scale: number): Dataset {
  const seed = new SeededBytes('mixed')
  const small = { folder: 'small', count: scaled(20_000, scale), bytes: 8 * kib }
  const medium = { folder: 'medium', count: scaled(2_000, scale), bytes: 256 * kib }
  const groups = [small, medium]
  for (const group of groups) writeGroup(directory, group, seed)
  const bytes = scaled(344 * mib, scale)
  const large = join(directory, 'large')
  mkdirSync(large)
  writeLarge(join(large, '0'), bytes, (block) => seed.random(block))
  writeLarge(join(large, '1'), bytes, (block) => seed.text(block))
  let turn = 0
  writeLarge(join(large, '2'), bytes, (block) => (turn++ % 2 === 0 ? seed.text(block) : seed.random(block)))
  copyShifted(join(large, '2'), join(large, '3'), seed.random(12_345))
  return {
    ...measured('mixed', directory),
    oneFile: join('medium', '0', '0'),
    description: `${small.count} files of 8 KiB, ${medium.count} of 256 KiB, 4 of ${Math.round(bytes / mib)} MiB; half compressible, one a shifted duplicate`,
    change: (round) => {
      const changes = new SeededBytes(`mixed ${round}`)
      for (const group of groups) changeGroup(directory, group, changes)
      for (const name of ['0', '1', '2', '3']) changeStretches(join(large, name), changes)
    },
  }
}

export function makeTiny(directory: string, scale: number): Dataset {
  const seed = new SeededBytes('tiny')
  const group = { folder: 'tiny', count: scaled(200_000, scale), bytes: 512 }
  writeGroup(directory, group, seed)
  return {
    ...measured('tiny', directory),
    oneFile: join('tiny', '0', '0'),
    description: `${group.count} files of 512 bytes`,
    change: (round) => changeGroup(directory, group, new SeededBytes(`tiny ${round}`)),
  }
}

/** A day in a large tree: a million files, of which one in a thousand changes. */
export function makeDaily(directory: string, scale: number): Dataset {
  const group = { folder: 'daily', count: scaled(1_000_000, scale), bytes: 512 }
  writeGroup(directory, group, new SeededBytes('daily'))
  return {
    ...measured('daily', directory),
    oneFile: join('daily', '0', '0'),
    description: `${group.count} files of 512 bytes, of which 0.1 % change`,
    change: (round) => changeGroup(directory, group, new SeededBytes(`daily ${round}`), 1000),
  }
}

export function makeBig(directory: string, scale: number): Dataset {
  const seed = new SeededBytes('big')
  const bytes = scaled(8 * 1024 * mib, scale)
  let turn = 0
  writeLarge(join(directory, 'big'), bytes, (block) =>
    turn++ % 2 === 0 ? seed.text(block) : seed.random(block),
  )
  writeFileSync(join(directory, 'beside'), seed.text(100 * kib))
  return {
    ...measured('big', directory),
    oneFile: 'beside',
    description: `one file of ${Math.round(bytes / mib)} MiB, half compressible, and a small one beside it`,
    change: (round) => changeStretches(join(directory, 'big'), new SeededBytes(`big ${round}`)),
  }
}

/** Bytes that neither compress nor repeat, so that each tool sends the same number through a link. */
export function makeRandom(directory: string, scale: number): Dataset {
  const seed = new SeededBytes('random')
  const bytes = scaled(100 * mib, scale)
  const names = ['0', '1', '2', '3', '4', '5']
  for (const name of names) writeLarge(join(directory, name), bytes, (block) => seed.random(block))
  return {
    ...measured('random', directory),
    oneFile: '0',
    description: `${names.length} files of ${Math.round(bytes / mib)} MiB that don't compress`,
    change: (round) => {
      const changes = new SeededBytes(`random ${round}`)
      for (const name of names) changeStretches(join(directory, name), changes)
    },
  }
}

export function scaled(count: number, scale: number): number {
  return Math.max(1, Math.round(count * scale))
}

export function measured<T extends DatasetName>(
  name: T,
  directory: string,
): { name: T; directory: string; files: number; bytes: number } {
  let [files, bytes] = [0, 0]
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    files += 1
    bytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return { name, directory, files, bytes }
}

function writeGroup(directory: string, group: FileGroup, seed: SeededBytes): void {
  for (let index = 0; index < group.count; index++) {
    if (index % perFolder === 0)
      mkdirSync(join(directory, group.folder, String(index / perFolder)), { recursive: true })
    writeFileSync(fileOf(directory, group, index), contentOf(group, index, seed))
  }
}

function contentOf(group: FileGroup, index: number, seed: SeededBytes): Buffer {
  return index % 2 === 0 ? seed.text(group.bytes) : seed.random(group.bytes)
}

function fileOf(directory: string, group: FileGroup, index: number): string {
  return join(directory, group.folder, String(Math.floor(index / perFolder)), String(index % perFolder))
}

/** Changes every 50th file, or every `step`th one, in each round other ones. */
function changeGroup(directory: string, group: FileGroup, changes: SeededBytes, step = 50): void {
  for (let index = changes.below(Math.min(step, group.count)); index < group.count; index += step) {
    writeFileSync(fileOf(directory, group, index), contentOf(group, index, changes))
  }
}

function writeLarge(file: string, bytes: number, block: (bytes: number) => Buffer): void {
  const handle = openSync(file, 'w')
  try {
    for (let remaining = bytes; remaining > 0; remaining -= blockBytes)
      writeSync(handle, block(Math.min(remaining, blockBytes)))
  } finally {
    closeSync(handle)
  }
}

/** Copies the bytes to later offsets, where content-defined chunks still match. */
function copyShifted(from: string, to: string, shift: Buffer): void {
  const [input, output] = [openSync(from, 'r'), openSync(to, 'w')]
  try {
    const { size } = statSync(from)
    ftruncateSync(output, 0)
    writeSync(output, shift)
    const block = Buffer.allocUnsafe(blockBytes)
    for (let at = shift.length; at < size;) {
      const bytes = readSync(input, block, 0, Math.min(blockBytes, size - at), at - shift.length)
      at += writeSync(output, block, 0, bytes)
    }
  } finally {
    closeSync(input)
    closeSync(output)
  }
}

/** Overwrites 2 % of a file in up to eight stretches. */
function changeStretches(file: string, changes: SeededBytes): void {
  const { size } = statSync(file)
  const stretch = Math.max(1, Math.floor(size / 400))
  const handle = openSync(file, 'r+')
  try {
    for (let count = 0; count < 8; count++) {
      writeSync(
        handle,
        changes.random(stretch),
        0,
        stretch,
        Math.floor((changes.below(1000) / 1000) * (size - stretch)),
      )
    }
  } finally {
    closeSync(handle)
  }
}
