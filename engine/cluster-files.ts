// The files of a running PostgreSQL cluster that a base backup leaves out, as BASE_BACKUP of PostgreSQL 15 to 18 does:
// recovery makes them again, or a server must not find them. Every directory stays, because a server doesn't start
// without some of the empty ones.

/** Only directories stay in these. */
const emptiedDirectories = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_wal',
  'pg_wal/archive_status',
  'pg_wal/summaries',
])
const fileNames = new Set([
  'backup_label',
  'backup_manifest',
  'current_logfiles.tmp',
  'postgresql.auto.conf.tmp',
  'postmaster.opts',
  'postmaster.pid',
  'tablespace_map',
])
const namePattern = /^(?:pg_internal\.init|pgsql_tmp)/
const databasePattern = /^(?:base|pg_tblspc\/\d+\/PG_[^/]+)\/\d+$/
const temporaryPattern = /^t\d+_\d+(?:_(?:fsm|vm|init))?(?:\.\d+)?$/
const relationPattern = /^(\d+)(?:_(?:fsm|vm))?(?:\.\d+)?$/
const initPattern = /^(\d+)_init(?:\.\d+)?$/
const followedPattern = /^(?:pg_wal|pg_tblspc\/\d+)$/

/** The file that a base backup reads last, because the server writes it all the time. */
export const controlFile = 'global/pg_control'

/** True for a link that leads to files of the cluster: a tablespace, or the WAL on another disk. */
export function isFollowedLink(path: string): boolean {
  return followedPattern.test(path)
}

/** The names of a directory of the cluster that belong into a base backup. @param path of the directory, in latin1. */
export function namesOfBase(path: string, names: readonly string[]): string[] {
  if (emptiedDirectories.has(path))
    return path === 'pg_wal' ? names.filter((name) => emptiedDirectories.has(`${path}/${name}`)) : []
  const isDatabase = databasePattern.test(path)
  // The main fork of an unlogged relation is made from its init fork after each crash.
  const unlogged = new Set(isDatabase ? names.flatMap((name) => initPattern.exec(name)?.[1] ?? []) : [])
  return names.filter((name) => {
    if (fileNames.has(name) || namePattern.test(name)) return false
    if (path === 'global' && name === 'pg_control') return false
    if (!isDatabase) return true
    return !temporaryPattern.test(name) && !unlogged.has(relationPattern.exec(name)?.[1] ?? '')
  })
}
