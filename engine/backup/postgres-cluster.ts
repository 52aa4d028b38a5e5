// Checks that a PostgreSQL data directory can be backed up: no server may write to it, and all its files must
// lie below the root. A copy of a running server's files can lose committed rows, and still every check would
// pass.
import { lstatSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { pathText } from '../../core/tree/path-text.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { controlFile } from '../cluster-files.ts'
import { sameStatIdentity, statIdentityOf } from '../stat-identity.ts'
import type { StatIdentity } from '../stat-identity.ts'
import type { BackupOptions, Problem } from '../operations.ts'

/**
 * The server creates it at its start and removes it when it stops. It stays after a crash, and in a
 * file-system snapshot.
 */
const lockFile = 'postmaster.pid'
/** Directories that a cluster starts without: its statistics of the moment, and its log. */
const dispensable = /^(?:pg_stat_tmp|log|pg_log)$/

/** A cluster while its files are read. */
export interface ClusterReading {
  /** Call it before the walk. */
  begin(): Promise<void>
  /** A problem that the entry itself is. Call it for each entry that is no file. */
  problemOf(entry: TreeEntry): Problem | null
  /** True if a recovery mends the problem. */
  isMended(problem: Problem): boolean
  /** Call it when all files are read. */
  finish(): Promise<ClusterEnd>
}

export interface ClusterEnd {
  problems: readonly Problem[]
  /** Files that the end of the backup knows. */
  files: readonly { entry: TreeEntry; bytes: Buffer }[]
  base: BaseBackup | null
}

/** A cluster at rest: every start, stop and checkpoint of a server changes one of two files. */
export class PostgresCluster implements ClusterReading {
  private readonly directory: string
  private readonly realDirectory: Buffer
  private readonly before: readonly (StatIdentity | null)[]

  /**
   * @param atRest what the operator declares of the server; without it, a lock file is enough to refuse.
   * @throws `invalid-input` for a directory that holds no cluster, `conflict` if a server runs in it or may.
   */
  constructor(directory: string, atRest: BackupOptions['atRest']) {
    this.directory = directory
    assertCluster(directory)
    assertAtRest(directory, atRest)
    this.realDirectory = realpathSync(directory, { encoding: 'buffer' })
    this.before = this.identities()
  }

  private identities(): (StatIdentity | null)[] {
    return [lockFile, controlFile].map((name) => {
      const stats = statsOf(join(this.directory, name))
      return stats === null ? null : statIdentityOf(stats)
    })
  }

  problemOf(entry: TreeEntry): Problem | null {
    return findOutsideLink(entry, this.directory, this.realDirectory)
  }

  async begin(): Promise<void> {}

  isMended(): boolean {
    return false
  }

  finish(): Promise<ClusterEnd> {
    return Promise.resolve({ problems: this.changes(), files: [], base: null })
  }

  /**
   * Files that were read while a server started, stopped or wrote a checkpoint hold no state that ever
   * existed.
   */
  private changes(): Problem[] {
    const after = this.identities()
    return [lockFile, controlFile].flatMap((name, index) => {
      const [first, second] = [this.before[index]!, after[index]!]
      if (first === null ? second === null : second !== null && sameStatIdentity(first, second)) return []
      return [
        {
          path: Buffer.from(name),
          kind: 'changed' as const,
          detail: 'a server started, stopped or wrote while the data directory was read',
        },
      ]
    })
  }
}

/** A link to files that the cluster needs, and that lie outside of its directory. */
export function findOutsideLink(entry: TreeEntry, directory: string, realDirectory: Buffer): Problem | null {
  if (entry.type !== 'symlink') return null
  const components = entry.path.toString('latin1').split('/')
  if (dispensable.test(components[0]!)) return null
  const absolute = Buffer.concat([Buffer.from(`${directory}/`), entry.path])
  try {
    const target = realpathSync(absolute, { encoding: 'buffer' })
    if (isBelow(target, realDirectory)) return null
    // A server finds its configuration and certificates through links to files in the root; they hold no
    // data.
    if (components.length === 1 && !statSync(target).isDirectory()) return null
  } catch {
    if (components.length === 1 && !components[0]!.startsWith('pg_')) return null
  }
  return {
    path: entry.path,
    kind: 'outside',
    detail: `a link to ${pathText(entry.linkTarget)}, whose files are not below the data directory`,
  }
}

/** @throws `invalid-input` for a directory that holds no cluster. */
export function assertCluster(directory: string): void {
  if (isFile(join(directory, 'PG_VERSION'))) return
  throw new HoldfastError('invalid-input', `${directory} has no PG_VERSION: it holds no PostgreSQL cluster`, {
    hint: 'name the data directory itself (SHOW data_directory), or pass --kind volume',
  })
}

function assertAtRest(directory: string, atRest: BackupOptions['atRest']): void {
  const server = serverIn(directory)
  if (server !== null) {
    throw new HoldfastError('conflict', `PostgreSQL runs in ${directory} (process ${server})`, {
      hint:
        'stop the server, or back up a file-system snapshot of its directory: ' +
        "a copy of a running server's files can lose committed rows",
    })
  }
  if (atRest === undefined && statsOf(join(directory, lockFile)) !== null) {
    throw new HoldfastError('conflict', `${directory} has a ${lockFile}: PostgreSQL may run in it`, {
      hint:
        'pass --stopped if no server runs (the file stays behind after a crash), or --from-snapshot if the directory ' +
        'lies in one atomic file-system snapshot',
    })
  }
}

/**
 * A process of PostgreSQL that works in this directory, in any container of this host. Null on other systems
 * than Linux.
 */
function serverIn(directory: string): number | null {
  const location = statSync(directory, { bigint: true })
  let processes: string[]
  try {
    processes = readdirSync('/proc')
  } catch {
    return null
  }
  for (const process of processes) {
    if (!/^\d+$/.test(process)) continue
    try {
      const { dev, ino } = statSync(`/proc/${process}/cwd`, { bigint: true })
      if (dev !== location.dev || ino !== location.ino) continue
      if (/^post(?:gres|master)$/m.test(readFileSync(`/proc/${process}/comm`, 'latin1')))
        return Number(process)
    } catch {
      // It ended meanwhile, or it belongs to another user: the lock file decides then.
    }
  }
  return null
}

function isFile(path: string): boolean {
  return statsOf(path)?.isFile() ?? false
}

/** Null only if there is nothing. @throws if it can't be looked for. */
function statsOf(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new HoldfastError('invalid-input', `can't look for ${path}: ${String(code)}`, { cause: error })
  }
}

function isBelow(path: Buffer, directory: Buffer): boolean {
  const prefix = Buffer.concat([directory, Buffer.from('/')])
  return path.equals(directory) || path.subarray(0, prefix.length).equals(prefix)
}
