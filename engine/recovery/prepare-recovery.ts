// Makes a restored base ready for its recovery: our configuration, the WAL, and nothing of the backup that a server
// would obey. `recovery.signal` is written last: without it and the configuration, no server starts on
// what an interrupted run left.
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import {
  configurationText,
  recoveryLeftovers,
  recoverySettings,
  restoredConfiguration,
  setAsideDirectory,
  tablespaceDirectory,
  tablespaceMapText,
} from '../../core/recovery/recovery-settings.ts'
import { flush } from '../restore/write-back.ts'
import { walk } from '../walk.ts'
import { ClusterDirectory } from './cluster-directory.ts'
import { writeWalFiles } from './wal-files.ts'
import type { WalFiles, WalFilesOptions } from './wal-files.ts'

export interface RecoveryOptions extends Omit<WalFilesOptions, 'directory'> {
  /** The data directory that the restore wrote. */
  target: string
}

export interface PreparedRecovery extends WalFiles {
  /** The names of restored files that the server doesn't see, first the configuration. */
  setAside: string[]
  /** Links of the backup. A server would write to their targets, which belong to the cluster that was backed up. */
  links: number
  tablespaces: number
}

/** Directories without which no server starts. */
const neededDirectories = [
  'pg_wal/archive_status',
  'pg_wal/summaries',
  'pg_commit_ts',
  'pg_dynshmem',
  'pg_logical',
  'pg_logical/mappings',
  'pg_logical/snapshots',
  'pg_multixact',
  'pg_multixact/members',
  'pg_multixact/offsets',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_tblspc',
  'pg_twophase',
  'pg_xact',
]
/** Their content is of another server, or stops ours: a logical slot does. */
const emptiedDirectories = ['pg_wal', 'pg_replslot', 'pg_notify', 'pg_dynshmem', 'pg_snapshots', 'pg_serial']

/** @throws `damaged` for a directory without a cluster of the base's version, `conflict` for WAL of two clusters. */
export async function prepareRecovery(options: RecoveryOptions): Promise<PreparedRecovery> {
  const { choice, target } = options
  assertVersion(target, choice.base.postgres.serverVersion)
  const directory = new ClusterDirectory(target)
  try {
    const aside = `${setAsideDirectory}-${choice.base.ref.id}`
    directory.makeDirectory(aside)
    const links = setLinksAside(directory, aside)
    const setAside = setEntriesAside(directory, aside)
    for (const name of [...emptiedDirectories, ...neededDirectories])
      if (directory.stat(name)?.isDirectory() !== true) directory.makeDirectory(name)
    const tablespaces = moveTablespaces(directory, options)
    directory.writeNew('backup_label', choice.base.postgres.backupLabel)
    const wal = await writeWalFiles({ ...options, directory })
    directory.writeNew('postgresql.conf', configurationText(recoverySettings(choice)))
    directory.writeNew('pg_hba.conf', 'local all all peer\n')
    directory.writeNew('pg_ident.conf', '')
    // Before the signal, so that no crash leaves the signal without the WAL.
    await flush(target)
    directory.writeNew('recovery.signal', '')
    await flush(target)
    return { ...wal, setAside, links, tablespaces }
  } finally {
    directory.close()
  }
}

function assertVersion(target: string, serverVersion: number): void {
  const buffer = Buffer.alloc(8)
  let bytes: number
  try {
    const descriptor = openSync(
      join(target, 'PG_VERSION'),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    )
    try {
      bytes = readSync(descriptor, buffer)
    } finally {
      closeSync(descriptor)
    }
  } catch (cause) {
    throw noCluster(cause)
  }
  const major = String(Math.floor(serverVersion / 10_000))
  if (buffer.toString('latin1', 0, bytes) !== `${major}\n`) throw noCluster()
}

function noCluster(cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', 'the restored files are not the cluster that the base names', {
    hint: 'restore an older base with --snapshot',
    cause,
  })
}

function setLinksAside(directory: ClusterDirectory, aside: string): number {
  const links: Buffer[] = []
  for (const step of walk(directory.root))
    if ('entry' in step && step.entry.type === 'symlink') links.push(step.entry.path)
  if (links.length > 0) directory.makeDirectory(`${aside}/links`)
  for (const [index, path] of links.entries()) directory.move(path, `${aside}/links/${index}`)
  return links.length
}

function setEntriesAside(directory: ClusterDirectory, aside: string): string[] {
  const names = [
    ...restoredConfiguration,
    ...recoveryLeftovers,
    'backup_label',
    'tablespace_map',
    ...emptiedDirectories,
  ]
  const present = names.filter((name) => directory.stat(name) !== null)
  for (const name of present) directory.move(name, `${aside}/${name}`)
  // A cluster that was restored before brings such a directory along.
  if (directory.stat(tablespaceDirectory) !== null)
    directory.move(tablespaceDirectory, `${aside}/${tablespaceDirectory}`)
  return present.filter((name) => (restoredConfiguration as readonly string[]).includes(name))
}

function moveTablespaces(directory: ClusterDirectory, { choice, target }: RecoveryOptions): number {
  const { tablespaces } = choice.base.postgres
  if (tablespaces.length === 0) return 0
  directory.makeDirectory(tablespaceDirectory)
  for (const { oid } of tablespaces) {
    const isThere = directory.stat(`pg_tblspc/${oid}`)?.isDirectory() === true
    if (isThere) directory.move(`pg_tblspc/${oid}`, `${tablespaceDirectory}/${oid}`)
    else directory.makeDirectory(`${tablespaceDirectory}/${oid}`)
  }
  const locations = tablespaces.map(({ oid }) => ({
    oid,
    location: join(target, tablespaceDirectory, String(oid)),
  }))
  directory.writeNew('tablespace_map', tablespaceMapText(locations))
  return tablespaces.length
}
