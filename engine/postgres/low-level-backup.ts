// A base backup by PostgreSQL's low-level API: pg_backup_start, the files, pg_backup_stop. The server ends a base
// backup whose session ends, so that a killed backup leaves nothing behind.
import { HoldfastError } from '../../core/errors.ts'
import type { BaseBackup } from '../../core/snapshot/base-backup.ts'
import { parseLsn } from '../../core/wal/lsn.ts'
import type { BackupEnd, BackupStart, BaseBackupServer } from '../operations.ts'
import { describeBase } from './base-description.ts'
import { PostgresSession } from './session.ts'
import type { SessionOptions } from './session.ts'
import { awaitWal } from './wal-wait.ts'
import type { WalWait } from './wal-wait.ts'

const minServerVersion = 150_000

/** A time as microseconds since 2000-01-01, as PostgreSQL stores it. */
const inMicroseconds = (time: string): string =>
  `(floor(extract(epoch from ${time}) * 1000000) - 946684800000000)::bigint::text`

const aboutServer = `
  select pg_is_in_recovery() as standby,
         current_setting('server_version_num') as version,
         pg_size_bytes(current_setting('wal_segment_size'))::text as segment_bytes,
         (select system_identifier::text from pg_control_system()) as system_id,
         floor(extract(epoch from pg_postmaster_start_time()))::bigint::text as started`
const tablespaces = `
  select oid::text, pg_tablespace_location(oid) as location from pg_tablespace
  where spcname not in ('pg_default', 'pg_global') order by oid`
/** On a standby, the commits carry the clock of the primary. */
export const stopTimeSql = `
         case when pg_is_in_recovery()
           then ${inMicroseconds('coalesce(pg_last_xact_replay_timestamp(), clock_timestamp())')}
           else ${inMicroseconds('clock_timestamp()')} end`
const end = `
  select lsn::text, labelfile as label, spcmapfile as map, ${stopTimeSql} as stop_time,
         case when pg_is_in_recovery()
           then (select min_recovery_end_timeline from pg_control_recovery())::text
           else (select timeline_id from pg_control_checkpoint())::text end as timeline
  from pg_backup_stop(false)`

export class LowLevelBackup implements BaseBackupServer {
  private readonly options: SessionOptions
  private readonly label: string
  private running: { session: PostgresSession; server: Record<string, string | null> } | null = null
  private locations: BaseBackup['tablespaces'] = []
  private readonly walWait: WalWait
  /** Why it is unknown whether the vault has the base's WAL; null if it has it. */
  walNote: string | null = null

  /** @param source names the base backup in the server's views and log. */
  constructor(source: string, options: SessionOptions, walWait: WalWait) {
    this.options = options
    this.walWait = walWait
    this.label = `holdfast ${source}`
  }

  async begin(): Promise<BackupStart> {
    await this.close()
    const session = await PostgresSession.open(this.options)
    try {
      const server = await session.row(aboutServer)
      assertVersion(server)
      await session.row('select pg_backup_start($1, true)::text as lsn', [this.label])
      const rows = await session.rows(tablespaces)
      this.locations = rows.map(({ oid, location }) => ({ oid: Number(oid), location: location! }))
      this.running = { session, server }
      return {
        systemId: server['system_id']!,
        serverStartedSec: Number(server['started']),
        tablespaces: this.locations,
      }
    } catch (error) {
      await session.close()
      throw error
    }
  }

  async end(): Promise<BackupEnd> {
    if (this.running === null) throw new HoldfastError('internal', 'a base backup ends that did not begin')
    const { session, server } = this.running
    const row = await session.row(end)
    const base = describeBase(
      row['label']!,
      { timeline: Number(row['timeline']), lsn: parseLsn(row['lsn']!), time: row['stop_time']! },
      {
        systemId: server['system_id']!,
        serverVersion: Number(server['version']),
        segmentBytes: Number(server['segment_bytes']),
        tablespaces: this.locations,
      },
    )
    this.walNote = await awaitWal(session, base, this.walWait)
    await this.close()
    return { base, tablespaceMap: row['map'] ?? '' }
  }

  async close(): Promise<void> {
    await this.running?.session.close()
    this.running = null
  }
}

/** @throws `unsupported-format` for a server that ends a base backup in another way. */
export function assertVersion({ version }: Record<string, string | null>): void {
  if (Number(version) >= minServerVersion) return
  throw new HoldfastError('unsupported-format', `PostgreSQL ${version} is older than 15`, {
    hint: 'back up a stopped cluster, or a file-system snapshot of its directory (--from-snapshot)',
  })
}
