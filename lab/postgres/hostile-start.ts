// Starts a cluster from restored files. They bring their own configuration, and no part of it may take effect.
import { chown, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import type { PostgresBinaries } from './binaries.ts'
import { Cluster } from './cluster.ts'
import type { UserIds } from './unprivileged-user.ts'

/** Files that PostgreSQL reads from a data directory by itself, and files that would start a recovery. */
const configurationFiles = [
  'postgresql.auto.conf',
  'postgresql.conf',
  'pg_hba.conf',
  'pg_ident.conf',
  'recovery.signal',
  'standby.signal',
  'postmaster.opts',
]

export interface QuarantineOptions {
  binaries: PostgresBinaries
  dataDirectory: string
  user: UserIds | null
  directory: string
}

/** Overrules what the catalogue attaches to roles and databases. */
const quarantinedSession = {
  event_triggers: 'off',
  session_preload_libraries: '',
  local_preload_libraries: '',
  role: 'none',
} as const

export interface QuarantinedCluster {
  cluster: Cluster
  /** Names of the restored configuration files, which now lie in `keepDirectory`. */
  setAside: string[]
}

/**
 * Starts the cluster in `dataDirectory` with settings of ours alone. `postgresql.auto.conf` is read even if another
 * `config_file` is named (PostgreSQL: "Parameter Interaction via the Configuration File"), so all these files are
 * moved to `keepDirectory` first. Settings that the catalogue attaches to roles and databases, and event triggers
 * on login, are overruled per session. `directory` is a new one, for our configuration.
 */
export async function startQuarantined(options: QuarantineOptions): Promise<QuarantinedCluster> {
  const { dataDirectory, user, directory, binaries } = options
  const setAside = await setConfigurationAside(dataDirectory, path.join(directory, 'set-aside'))
  const ours = await writeConfiguration(directory, user)
  const cluster = await Cluster.start({
    binaries,
    dataDirectory,
    user,
    settings: { config_file: ours.config, hba_file: ours.hba, ident_file: ours.ident },
    sessionSettings: quarantinedSession,
  })
  return { cluster, setAside }
}

/**
 * Starts the cluster that `holdfast restore` has prepared for a recovery, and resolves when it has been promoted. The
 * restore set the cluster's own configuration aside; who may connect is ours to say. `directory` is a new one.
 */
export async function startRecovered({
  binaries,
  dataDirectory,
  user,
  directory,
}: QuarantineOptions): Promise<Cluster> {
  const { hba, ident } = await writeConfiguration(directory, user)
  return Cluster.start({
    binaries,
    dataDirectory,
    user,
    settings: { hba_file: hba, ident_file: ident, fsync: 'off', io_method: 'sync', event_triggers: 'off' },
    sessionSettings: quarantinedSession,
  })
}

async function setConfigurationAside(dataDirectory: string, keepDirectory: string): Promise<string[]> {
  await mkdir(keepDirectory, { recursive: true })
  const setAside: string[] = []
  for (const name of configurationFiles) {
    const file = path.join(dataDirectory, name)
    const moved = path.join(keepDirectory, name)
    try {
      await rename(file, moved).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EXDEV') throw error
        await copyFile(file, moved)
        await rm(file)
      })
      setAside.push(name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  const { mode } = await stat(dataDirectory)
  if ((mode & 0o027) !== 0)
    throw new HoldfastError('target', 'the restored data directory is open to other users')
  return setAside
}

async function writeConfiguration(
  directory: string,
  user: UserIds | null,
): Promise<Record<'config' | 'hba' | 'ident', string>> {
  const write = async (name: string, text: string) => {
    const file = path.join(directory, name)
    await writeFile(file, text, { mode: 0o600 })
    if (user !== null) await chown(file, user.uid, user.gid)
    return file
  }
  return {
    config: await write(
      'postgresql.conf',
      quarantineSettings.map(([name, value]) => `${name} = '${value}'\n`).join(''),
    ),
    // Trust is safe, because only the server's own user can enter the socket's directory.
    hba: await write('pg_hba.conf', 'local all all trust\n'),
    ident: await write('pg_ident.conf', ''),
  }
}

const quarantineSettings: [string, string][] = [
  ['archive_mode', 'off'],
  ['archive_command', ''],
  ['archive_library', ''],
  ['archive_cleanup_command', ''],
  ['restore_command', ''],
  ['recovery_end_command', ''],
  ['primary_conninfo', ''],
  ['ssl', 'off'],
  ['shared_preload_libraries', ''],
  ['session_preload_libraries', ''],
  ['local_preload_libraries', ''],
  ['jit', 'off'],
  ['dynamic_library_path', '$libdir'],
  ['event_triggers', 'off'],
  ['autovacuum', 'off'],
  ['max_logical_replication_workers', '0'],
  ['max_parallel_workers', '0'],
  ['io_method', 'sync'],
  // No fsync, because the vault keeps the data: a crash costs only another restore.
  ['fsync', 'off'],
]
