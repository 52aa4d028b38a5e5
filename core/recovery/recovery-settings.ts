// The configuration of a cluster that is recovered: ours alone. The restored one is kept aside, because an attacker
// may have written it: it can name programs and libraries that a server loads before its first query.
import { lsnText } from '../wal/lsn.ts'
import { recoveryTimeText } from './postgres-time.ts'
import type { RecoveryChoice } from './recovery-choice.ts'

/**
 * Files that a server reads by itself, that start another kind of recovery, or that belong to the server that was
 * backed up.
 */
export const restoredConfiguration = [
  'postgresql.auto.conf',
  'postgresql.conf',
  'pg_hba.conf',
  'pg_ident.conf',
  'recovery.conf',
  'recovery.signal',
  'standby.signal',
  'postmaster.opts',
  'postmaster.pid',
] as const

/** Files that an earlier recovery, or a server that ran, leaves behind. */
export const recoveryLeftovers = ['backup_label.old', 'tablespace_map.old'] as const

/**
 * The server recovers from `pg_wal` alone, into which the restore has written the WAL. `restore_command` must be set:
 * this one says of each file that it isn't there.
 */
export function recoverySettings({ target, timeline, proof }: RecoveryChoice): Record<string, string> {
  return {
    restore_command: 'false',
    recovery_target_timeline: String(timeline),
    // A server that pauses, or shuts down, at the target is not recovered.
    recovery_target_action: 'promote',
    ...(target.kind === 'time' && proof === 'later-transaction'
      ? { recovery_target_time: recoveryTimeText(target.timeUs), recovery_target_inclusive: 'on' }
      : {}),
    ...(target.kind === 'lsn'
      ? { recovery_target_lsn: lsnText(target.lsn), recovery_target_inclusive: 'on' }
      : {}),
    ...(target.kind === 'xid'
      ? { recovery_target_xid: String(target.xid), recovery_target_inclusive: 'on' }
      : {}),
    ...(target.kind === 'name' ? { recovery_target_name: target.name } : {}),
    ...(target.kind === 'base' ? { recovery_target: 'immediate' } : {}),
    // With it, settings of the primary that were raised after the base pause the recovery for ever.
    hot_standby: 'off',
    // The only setting of the primary that still counts: it must hold what was prepared.
    max_prepared_transactions: '1000',
    lc_messages: 'C',
    // A recovered copy must never write into the archive of the cluster that it was.
    archive_mode: 'off',
  }
}

/** The text of `postgresql.conf`. */
export function configurationText(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'\n`,
  )
  return `# Written by holdfast restore. The configuration of the backup lies in ${setAsideDirectory}/, unread.\n${lines.join('')}`
}

/** Below the data directory. PostgreSQL ignores directories that it doesn't know. */
export const setAsideDirectory = 'holdfast_set_aside'
/** Below the data directory: the tablespaces of the backup, by their oids. */
export const tablespaceDirectory = 'holdfast_tablespaces'

/** The text of `tablespace_map`. PostgreSQL makes the links in `pg_tblspc` by it. */
export function tablespaceMapText(locations: readonly { oid: number; location: string }[]): string {
  return locations
    .map(({ oid, location }) => `${oid} ${location.replace(/[\\\n\r]/g, (character) => `\\${character}`)}\n`)
    .join('')
}
