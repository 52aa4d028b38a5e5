// The files of a cluster whose server runs. Between the begin and the end of a base backup they may grow, shrink,
// vanish and be read half-written: the WAL of that time mends each of them. What the WAL can't mend makes the snapshot
// incomplete: unreadable files, and links to files elsewhere.
import { lstatSync, readFileSync, realpathSync } from 'node:fs'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { maxFileReads } from '../../core/retry.ts'
import { makeEntry } from '../../core/tree/tree-entry.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { controlFile, isFollowedLink } from '../cluster-files.ts'
import type { BackupStart, BaseBackupServer, Problem } from '../operations.ts'
import { clampTimeNs } from '../stat-identity.ts'
import { findOutsideLink } from './postgres-cluster.ts'
import type { ClusterEnd, ClusterReading } from './postgres-cluster.ts'

/** The server notes its start in `postmaster.pid`, and reports the moment at which it was ready. */
const maxStartSec = 3600

export class RunningCluster implements ClusterReading {
  private readonly directory: string
  private readonly realDirectory: Buffer
  private readonly server: BaseBackupServer
  private tablespaces: BackupStart['tablespaces'] = []
  /** The directories below `pg_tblspc` that the walk has met. */
  private readonly walkedTablespaces = new Set<string>()

  constructor(directory: string, server: BaseBackupServer) {
    this.directory = directory
    this.realDirectory = realpathSync(directory, { encoding: 'buffer' })
    this.server = server
  }

  /** @throws `conflict` if the server runs in another directory. Also the errors of the server. */
  async begin(): Promise<void> {
    this.walkedTablespaces.clear()
    const start = await this.server.begin()
    this.assertSameServer(start)
    this.tablespaces = start.tablespaces
  }

  /** A standby, and a copy, have the same system identifier: the time of the start tells them apart. */
  private assertSameServer({ systemId, serverStartedSec }: BackupStart): void {
    const control = this.readControlFile()
    const startedSec = Number(this.readLockFile().split('\n')[2])
    const readyAfterSec = serverStartedSec - startedSec
    const isSame = systemIdOf(control) === systemId && readyAfterSec >= -1 && readyAfterSec <= maxStartSec
    if (isSame) return
    throw new HoldfastError('conflict', `the server that was asked doesn't run in ${this.directory}`, {
      hint: 'pass the data directory of the server that --connect reaches (SHOW data_directory)',
      context: { systemId, directorySystemId: systemIdOf(control) },
    })
  }

  private readLockFile(): string {
    try {
      return readFileSync(join(this.directory, 'postmaster.pid'), 'latin1')
    } catch (error) {
      throw new HoldfastError('conflict', `no server runs in ${this.directory}`, {
        hint: 'leave out --connect for a cluster whose server is stopped, or pass the directory of the server',
        cause: error,
      })
    }
  }

  problemOf(entry: TreeEntry): Problem | null {
    if (entry.type === 'directory') this.walkedTablespaces.add(entry.path.toString('latin1'))
    return findOutsideLink(entry, this.directory, this.realDirectory)
  }

  /** The server itself could not read a tablespace whose link leads nowhere. */
  isMended({ kind, path }: Problem): boolean {
    if (isFollowedLink(path.toString('latin1'))) return false
    return kind === 'changed' || kind === 'vanished' || kind === 'moved'
  }

  async finish(): Promise<ClusterEnd> {
    const problems = this.tablespaces.flatMap(({ oid }) => {
      const path = `pg_tblspc/${oid}`
      const detail = 'the server has this tablespace, and its directory was not there'
      return this.walkedTablespaces.has(path)
        ? []
        : [{ path: Buffer.from(path), kind: 'outside' as const, detail }]
    })
    // Last of all files: on a standby, it tells how far a recovery must go before the files fit together.
    const control = this.readControlFile()
    const { base, tablespaceMap } = await this.server.end()
    const files = [
      { name: controlFile, bytes: control },
      { name: 'backup_label', bytes: Buffer.from(base.backupLabel) },
      ...(tablespaceMap === '' ? [] : [{ name: 'tablespace_map', bytes: Buffer.from(tablespaceMap) }]),
    ]
    return {
      problems,
      base,
      files: files.map(({ name, bytes }) => ({ entry: this.entryLikeControlFile(name), bytes })),
    }
  }

  /** The server writes it in one call, so that two equal reads are no half-written one. */
  private readControlFile(): Buffer {
    const path = join(this.directory, controlFile)
    try {
      let bytes = readFileSync(path)
      for (let attempt = 1; attempt <= maxFileReads; attempt++) {
        const again = readFileSync(path)
        if (again.equals(bytes)) return bytes
        bytes = again
      }
    } catch (error) {
      throw new HoldfastError('invalid-input', `can't read ${path}`, {
        hint: 'run the backup as a user who may read the data directory',
        cause: error,
      })
    }
    throw new HoldfastError('conflict', `${path} changed at each of ${maxFileReads} reads`, {
      retryable: true,
    })
  }

  private entryLikeControlFile(name: string): TreeEntry {
    const stats = lstatSync(join(this.directory, controlFile), { bigint: true })
    return makeEntry({
      path: Buffer.from(name),
      type: 'file',
      mode: Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      mtimeNs: clampTimeNs(stats.mtimeNs),
    })
  }
}

/** The first field of the file, in the byte order of the machine. */
function systemIdOf(control: Buffer): string {
  if (control.length < 8) return ''
  return String(endianness() === 'LE' ? control.readBigUInt64LE(0) : control.readBigUInt64BE(0))
}
