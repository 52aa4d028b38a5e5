// Asks a server whether its backups can be made and restored, and how much its configuration loses.
import { slotPrefix } from './wal-wait.ts'
import type { PostgresSession } from './session.ts'

export interface ServerFinding {
  /** `missing`: a backup or a restore doesn't work. `warning`: it works, at a cost or a risk. */
  level: 'missing' | 'warning'
  name: string
  detail: string
}

export interface ServerCheck {
  serverVersion: number
  isStandby: boolean
  /** The most that is lost with the server, in words. */
  loss: string
  findings: ServerFinding[]
}

type Facts = Readonly<Record<string, string | null>>

/** Null for a setting that the role may not see. */
const setting = (name: string): string =>
  `(select setting from pg_settings where name = '${name}') as ${name}`

const facts = `
  select current_setting('server_version_num') as version,
         pg_is_in_recovery()::text as standby,
         ${[
           ...['wal_level', 'max_wal_senders', 'max_replication_slots', 'archive_mode', 'archive_command'],
           ...['archive_timeout', 'fsync', 'full_page_writes', 'data_checksums', 'synchronous_standby_names'],
           ...['max_slot_wal_keep_size'],
         ]
           .map(setting)
           .join(', ')},
         (select rolsuper::text from pg_roles where rolname = current_user) as super,
         (select rolreplication::text from pg_roles where rolname = current_user) as replication,
         has_function_privilege('pg_backup_start(text, boolean)', 'execute')::text as starts,
         has_function_privilege('pg_backup_stop(boolean)', 'execute')::text as stops,
         (select count(*)::text from pg_prepared_xacts) as prepared,
         (select count(*)::text from pg_replication_slots where slot_type = 'logical') as logical,
         (select bool_or(active)::text from pg_replication_slots
           where slot_type = 'physical' and starts_with(slot_name, '${slotPrefix}')) as streaming,
         (select bool_or(wal_status = 'lost')::text from pg_replication_slots
           where slot_type = 'physical' and starts_with(slot_name, '${slotPrefix}')) as lost`

export async function checkServer(session: PostgresSession): Promise<ServerCheck> {
  return judgeServer(await session.row(facts))
}

export function judgeServer(server: Facts): ServerCheck {
  return {
    serverVersion: Number(server['version']),
    isStandby: server['standby'] === 'true',
    loss: lossOf(server),
    findings: rules.flatMap(({ isBroken, ...finding }) => (isBroken(server) ? [finding] : [])),
  }
}

function pushesWal({ standby, archive_mode: mode, archive_command: command }: Facts): boolean {
  const archives = mode === 'always' || (mode === 'on' && standby !== 'true')
  return archives && command !== undefined && command !== null && command.includes('wal-push')
}

function lossOf(server: Facts): string {
  if (server['streaming'] === 'true') return 'seconds: a stream sends the WAL while it is written'
  if (!pushesWal(server)) return 'everything since the last snapshot: no WAL reaches a vault'
  const timeoutSec = Number(server['archive_timeout'] ?? 0)
  return timeoutSec > 0
    ? `${timeoutSec} s and the time of an upload, while the server writes WAL`
    : 'up to a whole segment, however long the server takes to fill it: archive_timeout is 0'
}

const lacksRole = (server: Facts, right: string): boolean =>
  server['super'] !== 'true' && server[right] !== 'true'

const rules: readonly (ServerFinding & { isBroken: (server: Facts) => boolean })[] = [
  {
    level: 'missing',
    name: 'version',
    detail: 'the server is older than PostgreSQL 15',
    isBroken: ({ version }) => Number(version) < 150_000,
  },
  {
    level: 'missing',
    name: 'wal_level',
    detail: 'wal_level is minimal, and a base backup needs replica',
    isBroken: ({ wal_level: level }) => level === 'minimal',
  },
  {
    level: 'missing',
    name: 'wal',
    detail:
      'no WAL reaches a vault: neither archive_command with `holdfast wal-push`, nor `holdfast postgres stream`',
    isBroken: (server) => server['streaming'] !== 'true' && !pushesWal(server),
  },
  {
    level: 'missing',
    name: 'slot',
    detail:
      'the server has given up WAL of a slot of the stream: the vault has a gap, and a new base backup is needed',
    isBroken: ({ lost }) => lost === 'true',
  },
  {
    level: 'missing',
    name: 'full_page_writes',
    detail: 'full_page_writes or fsync is off: a recovery can end in damaged pages',
    isBroken: (server) => server['full_page_writes'] === 'off' || server['fsync'] === 'off',
  },
  {
    level: 'warning',
    name: 'backup-role',
    detail: 'the role may not call pg_backup_start and pg_backup_stop, so that it can make no base backup',
    isBroken: (server) => lacksRole(server, 'starts') || lacksRole(server, 'stops'),
  },
  {
    level: 'warning',
    name: 'stream-role',
    detail: 'the role lacks REPLICATION, so that it can not stream WAL',
    isBroken: (server) => lacksRole(server, 'replication'),
  },
  {
    level: 'warning',
    name: 'senders',
    detail: 'max_wal_senders or max_replication_slots is 0, so that nothing can stream WAL',
    isBroken: (server) => server['max_wal_senders'] === '0' || server['max_replication_slots'] === '0',
  },
  {
    level: 'warning',
    name: 'checksums',
    detail: 'data checksums are off: damage on the disk of the server goes unnoticed into the backups',
    isBroken: ({ data_checksums: checksums }) => checksums === 'off',
  },
  {
    level: 'warning',
    name: 'slot-size',
    detail: 'max_slot_wal_keep_size has no limit: while the vault is away, the WAL of a slot fills the disk',
    isBroken: (server) => server['streaming'] !== null && server['max_slot_wal_keep_size'] === '-1',
  },
  {
    level: 'warning',
    name: 'any-synchronous',
    detail: 'synchronous_standby_names has `*`: a commit may count any receiver, a stream to the vault too',
    isBroken: ({ synchronous_standby_names: names }) => names?.includes('*') === true,
  },
  {
    level: 'warning',
    name: 'prepared',
    detail: 'there are prepared transactions: after a recovery they still hold their locks',
    isBroken: ({ prepared }) => Number(prepared) > 0,
  },
  {
    level: 'warning',
    name: 'logical-slots',
    detail:
      'there are logical slots: a restored server has none of them, and their subscribers must begin anew',
    isBroken: ({ logical }) => Number(logical) > 0,
  },
]
