// The files next to the database: scans and photographs that customers and desks upload.
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Random } from '../../../core/clock.ts'
import type { UserIds } from '../../postgres/unprivileged-user.ts'
import { drawBytes, drawInteger, drawItem } from '../seeded-random.ts'

export interface Upload {
  /** Relative to the uploads directory, with `/`. */
  name: string
  bytes: number
}

const kinds = [
  { extension: 'jpg', head: Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), text: false },
  { extension: 'png', head: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), text: false },
  { extension: 'pdf', head: Buffer.from('%PDF-1.7\n%âãÏÓ\n', 'latin1'), text: true },
] as const
const words = [
  'rental',
  'agreement',
  'damage',
  'front left',
  'kilometres',
  'deposit',
  'signature',
  'returned',
  'clean',
]
const modes = [0o644, 0o640, 0o600, 0o444]

/** Writes, replaces and removes uploads; a seed decides their number, size and content. */
export class Uploads {
  readonly directory: string
  private readonly random: Random
  private readonly owner: UserIds | null
  private readonly uploads: Upload[] = []
  private next = 1

  constructor(directory: string, random: Random, owner: UserIds | null) {
    this.directory = directory
    this.random = random
    this.owner = owner
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    if (owner !== null) chownSync(directory, owner.uid, owner.gid)
  }

  get count(): number {
    return this.uploads.length
  }

  /** Adds one file as of `nowMs`; its modification time is up to a year back, to the microsecond. */
  add(nowMs: number): Upload {
    const kind = drawItem(this.random, kinds)
    const serial = this.next++
    const shard = createHash('md5').update(String(serial)).digest('hex').slice(0, 2)
    const name = `${shard}/${kind.extension === 'pdf' ? 'Vertrag' : 'Schaden'}-${String(serial).padStart(6, '0')} é.${kind.extension}`
    this.makeShard(shard)
    const upload = {
      name,
      bytes: this.write(name, kind, nowMs - Math.floor(this.random() * 31_536_000_000)),
    }
    this.uploads.push(upload)
    return upload
  }

  /** Replaces the content of one file. */
  change(nowMs: number): Upload {
    const upload = drawItem(this.random, this.uploads)
    const kind = kinds.find(({ extension }) => upload.name.endsWith(extension)) ?? kinds[0]
    upload.bytes = this.write(upload.name, kind, nowMs)
    return upload
  }

  remove(): Upload {
    const index = drawInteger(this.random, 0, this.uploads.length - 1)
    const [upload] = this.uploads.splice(index, 1)
    if (upload === undefined) throw new RangeError('no upload is left to remove')
    rmSync(path.join(this.directory, upload.name))
    return upload
  }

  private makeShard(shard: string): void {
    const directory = path.join(this.directory, shard)
    mkdirSync(directory, { recursive: true, mode: 0o750 })
    if (this.owner !== null) chownSync(directory, this.owner.uid, this.owner.gid)
  }

  private write(name: string, kind: (typeof kinds)[number], modifiedMs: number): number {
    const file = path.join(this.directory, name)
    const length = Math.floor(1_024 * 2 ** (this.random() * 6))
    const body = kind.text ? this.drawText(length) : drawBytes(this.random, length)
    const content = Buffer.concat([kind.head, body])
    rmSync(file, { force: true })
    writeFileSync(file, content)
    chmodSync(file, drawItem(this.random, modes))
    if (this.owner !== null) chownSync(file, this.owner.uid, this.owner.gid)
    const modified = Math.floor(modifiedMs) / 1000 + Math.floor(this.random() * 1000) / 1_000_000
    utimesSync(file, modified, modified)
    return content.length
  }

  private drawText(length: number): Buffer {
    let text = ''
    while (text.length < length)
      text += `${drawItem(this.random, words)} ${drawInteger(this.random, 0, 99_999)}\n`
    return Buffer.from(text)
  }
}
