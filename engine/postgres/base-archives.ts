// The messages of BASE_BACKUP: archives in tar's form, one for each tablespace and the last one for the data directory,
// and then the manifest. See "BASE_BACKUP" in PostgreSQL's "Streaming Replication Protocol".
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { Parser } from 'tar'
import type { ReadEntry } from 'tar'
import { HoldfastError } from '../../core/errors.ts'
import { maxBackupLabelBytes, maxPathBytes } from '../../core/limits.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import { makeEntry } from '../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { controlFile } from '../cluster-files.ts'
import type { StreamSink } from '../operations.ts'
import { BaseManifest } from './base-manifest.ts'
import type { ArrivedFile } from './base-manifest.ts'

const message = { archive: 0x6e, manifest: 0x6d, data: 0x64, progress: 0x70 } as const
const mainArchive = 'base.tar'
/** A line for each of 1,000 tablespaces. */
const maxTablespaceMapBytes = 8 * 1024 * 1024
const tablespaceArchive = /^(\d{1,10})\.tar$/
/** The files at the root that a recovery reads first. */
const keptFiles: Readonly<Record<string, number>> = {
  backup_label: maxBackupLabelBytes,
  tablespace_map: maxTablespaceMapBytes,
}

export class BaseArchives {
  private readonly sink: StreamSink
  private readonly arrived = new Map<string, ArrivedFile>()
  private readonly paths = new Set<string>()
  private parser: Parser | null = null
  private manifest: BaseManifest | null = null
  private prefix = ''
  private readonly kept = new Map<string, Buffer[]>()
  private owner: Pick<TreeEntry, 'uid' | 'gid' | 'mtimeNs'> | null = null
  private failure: Error | null = null
  readonly tablespaces: BaseBackup['tablespaces'] = []

  constructor(sink: StreamSink) {
    this.sink = sink
  }

  /** @param bytes one message, valid during the call. @throws what is wrong with it. */
  receive(bytes: Buffer): void {
    const body = bytes.subarray(1)
    if (bytes[0] === message.data) this.takeData(body)
    else if (bytes[0] === message.archive) this.openArchive(body)
    else if (bytes[0] === message.manifest) {
      this.endArchive()
      this.manifest = new BaseManifest(this.arrived)
    } else if (bytes[0] !== message.progress) throw unknownForm('an unknown message')
    if (this.failure !== null) throw this.failure
  }

  /** The text of a file at the root of the data directory; null if there is none. */
  textOf(name: 'backup_label' | 'tablespace_map'): string | null {
    const parts = this.kept.get(name)
    return parts === undefined ? null : Buffer.concat(parts).toString()
  }

  /** True if the server sent a file of this path, in latin1. */
  hasFile(path: string): boolean {
    return this.paths.has(path)
  }

  /** @throws if something is missing. Adds the root of the tree, which no archive has. */
  finish(): void {
    if (this.manifest === null || !this.paths.has(controlFile) || this.owner === null)
      throw unknownForm('an archive or the manifest is missing')
    this.manifest.finish()
    this.sink.begin(makeEntry({ path: Buffer.alloc(0), type: 'directory', mode: 0o700, ...this.owner }))
    for (const { oid } of this.tablespaces) {
      const path = Buffer.from(`pg_tblspc/${oid}`)
      this.sink.begin(makeEntry({ path, type: 'directory', mode: 0o700, ...this.owner }))
    }
  }

  private takeData(bytes: Buffer): void {
    if (this.manifest !== null) this.manifest.write(bytes)
    // The parser keeps a header that is not whole, and the connection's buffer is overwritten.
    else if (this.parser !== null) this.parser.write(Buffer.from(bytes))
    else throw unknownForm('content before the first archive')
  }

  private openArchive(body: Buffer): void {
    this.endArchive()
    const [name = '', location = ''] = body.toString().split('\0')
    const oid = tablespaceArchive.exec(name)?.[1]
    if (this.manifest !== null || (oid === undefined && name !== mainArchive))
      throw unknownForm('an archive of another name')
    if (oid !== undefined) this.tablespaces.push({ oid: Number(oid), location })
    this.prefix = oid === undefined ? '' : `pg_tblspc/${oid}/`
    const parser = new Parser({ strict: true, onReadEntry: (entry) => this.take(entry) })
    parser.on('error', (error: Error) => (this.failure ??= unknownForm(error.message)))
    this.parser = parser
  }

  private endArchive(): void {
    this.parser?.end()
    this.parser = null
    if (this.failure !== null) throw this.failure
  }

  private take(archived: ReadEntry): void {
    const path = this.prefix + archived.path.replace(/^\.\//, '').replace(/\/$/, '')
    try {
      this.assertPath(path)
    } catch (error) {
      this.failure ??= error as Error
      archived.resume()
      return
    }
    const entry = entryOf(archived, path)
    this.owner = { uid: entry.uid, gid: entry.gid, mtimeNs: entry.mtimeNs }
    this.sink.begin(entry)
    if (entry.type === 'file') this.takeFile(archived, path)
    else archived.resume()
  }

  /** The server could be an attacker's. */
  private assertPath(path: string): void {
    const isPath = path.split('/').every((name) => name !== '' && name !== '.' && name !== '..')
    if (!isPath || Buffer.byteLength(path) > maxPathBytes) throw unknownForm('a file of an impossible name')
    if (path.includes('�') || path.includes('\0'))
      throw new HoldfastError(
        'unsupported-format',
        'a file below the data directory has a name that is no UTF-8',
        {
          hint: 'rename it, or back up from the host of the server (name the data directory)',
        },
      )
    if (this.paths.has(path)) throw unknownForm('a file that came twice')
    this.paths.add(path)
  }

  private takeFile(archived: ReadEntry, path: string): void {
    const hash = createHash('sha256')
    const maxKept = keptFiles[path]
    const copies: Buffer[] | null = maxKept !== undefined && archived.size <= maxKept ? [] : null
    if (copies !== null) this.kept.set(path, copies)
    let bytes = 0
    archived.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      hash.update(chunk)
      copies?.push(Buffer.from(chunk))
      this.sink.write(chunk)
    })
    archived.on('end', () => this.endFile(path, bytes, hash))
  }

  private endFile(path: string, bytes: number, hash: Hash): void {
    this.arrived.set(Buffer.from(path).toString('latin1'), { bytes, sha256: hash.digest('hex') })
  }
}

function entryOf({ type, mode, uid, gid, mtime, linkpath }: ReadEntry, path: string): TreeEntry {
  const isLink = type === 'SymbolicLink'
  const isDirectory = type === 'Directory'
  if (!isLink && !isDirectory && type !== 'File' && type !== 'OldFile')
    throw unknownForm(`an entry of the type ${type}`)
  return makeEntry({
    path: Buffer.from(path),
    type: isLink ? 'symlink' : isDirectory ? 'directory' : 'file',
    mode: (mode ?? 0o600) & 0o7777,
    uid: uid ?? 0,
    gid: gid ?? 0,
    mtimeNs: BigInt(mtime?.getTime() ?? 0) * 1_000_000n,
    linkTarget: isLink ? Buffer.from(linkpath ?? '') : Buffer.alloc(0),
  })
}

function unknownForm(detail: string): HoldfastError {
  return new HoldfastError(
    'unsupported-format',
    `the server sent a base backup of an unknown form: ${detail}`,
  )
}
