// A tree with everything odd that a file system allows, made from a seed.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lchownSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const mib = 1024 * 1024

/** A linear congruential generator: the same tree for the same seed. */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

export interface OddTree {
  /** Names in the root of the entries that a restore never creates. */
  special: string[]
  withAttributes: string[]
}

/**
 * Needs root, for owners and the device. About 10,500 entries. @param bigMib size of the largest file, half of it
 * incompressible.
 */
export function makeOddTree(root: string, bigMib: number): OddTree {
  const random = seeded(7)
  const oddBytes = ['a', '\xff', '\n', ' ', '\x1b', '"', "'", '\\', '*', '\xc3\xa9', '\u0080']
  mkdirSync(root)
  for (let directory = 0; directory < 120; directory++) {
    const depth = Array.from({ length: directory % 6 }, (_, level) => `sub${level}`)
    const path = join(root, `d${directory}`, ...depth)
    mkdirSync(path, { recursive: true })
    let name: Buffer = Buffer.alloc(0)
    for (let file = 0; file < 82; file++) {
      name = Buffer.from(
        `${path}/f${file}-${oddBytes[random(oddBytes.length)]!.repeat(1 + random(4))}`,
        'latin1',
      )
      writeFileSync(
        name,
        file % 3 === 0
          ? 'a line of text\n'.repeat(random(3000))
          : noise([0, 1, 100, 5000, 40_000][random(5)]!, random),
      )
      lchownSync(name, [0, 1000, 65_534][random(3)]!, [0, 1000, 65_534][random(3)]!)
      chmodSync(name, [0o644, 0o600, 0o755, 0o400, 0o000, 0o777][random(6)]!)
      utimesSync(name, 0, random(1_700_000_000) + random(1_000_000) / 1e6)
    }
    linkSync(name, join(root, `d${directory}`, 'second-name'))
    symlinkSync(['/etc/passwd', '../x', 'nowhere'][random(3)]!, join(path, 'link'))
    mkdirSync(join(path, 'empty'))
    chmodSync(path, [0o755, 0o700, 0o555, 0o1777][random(4)]!)
  }
  makeSparse(join(root, 'sparse'), random)
  makeBig(join(root, 'big'), bigMib, random)
  execFileSync('mkfifo', [join(root, 'fifo')])
  execFileSync('mknod', [join(root, 'null'), 'c', '1', '3'])
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'x', join(root, 'big')])
  return { special: ['fifo', 'null'], withAttributes: ['big'] }
}

function noise(bytes: number, random: (below: number) => number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let index = 0; index < bytes; index++) buffer[index] = random(256)
  return buffer
}

/** 3 GiB that take some hundred kilobytes: data in the middle, a hole at the end. */
function makeSparse(path: string, random: (below: number) => number): void {
  const descriptor = openSync(path, 'w')
  writeSync(descriptor, 'the middle', 1024 * mib)
  writeSync(descriptor, noise(100_000, random), 0, 100_000, 2048 * mib + 5)
  ftruncateSync(descriptor, 3072 * mib)
  closeSync(descriptor)
}

/** Every mebibyte is new: half noise, stirred by its number, half text. */
function makeBig(path: string, bigMib: number, random: (below: number) => number): void {
  const block = Buffer.concat([noise(mib / 2, random), Buffer.alloc(mib / 2, 'text that compresses ')])
  const descriptor = openSync(path, 'w')
  for (let number = 0; number < bigMib; number++) {
    for (let offset = 0; offset < mib / 2; offset += 64)
      block.writeUInt32LE((Math.imul(number + 1, 2654435761) ^ offset) >>> 0, offset)
    writeSync(descriptor, block)
  }
  closeSync(descriptor)
}
