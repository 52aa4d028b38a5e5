import { expect, test } from 'vitest'
import { isFollowedLink, namesOfBase } from '../../engine/cluster-files.ts'

test.each<[string, string[], string[]]>([
  [
    '',
    ['PG_VERSION', 'backup_label', 'base', 'pg_wal', 'postgresql.conf', 'postmaster.opts', 'postmaster.pid'],
    ['PG_VERSION', 'base', 'pg_wal', 'postgresql.conf'],
  ],
  ['global', ['1260', '1260_init', 'pg_control', 'pg_internal.init'], ['1260', '1260_init']],
  ['pg_replslot', ['backup'], []],
  ['pg_wal', ['000000010000000000000001', 'archive_status', 'summaries'], ['archive_status', 'summaries']],
  ['pg_wal/archive_status', ['000000010000000000000001.ready'], []],
  ['base', ['1', '5', 'pgsql_tmp'], ['1', '5']],
  [
    'base/5',
    ['16384', '16384_fsm', '16385', '16385.1', '16385_fsm', '16385_init', '16385_vm', '16386_init.1'],
    ['16384', '16384_fsm', '16385_init', '16386_init.1'],
  ],
  [
    'base/5',
    ['PG_VERSION', 'pg_internal.init.42', 't3_16390', 't3_16390_fsm.1', 't3_x'],
    ['PG_VERSION', 't3_x'],
  ],
  ['pg_tblspc/16400/PG_18_202506291/5', ['16401', '16401_init'], ['16401_init']],
  ['pg_tblspc/16400/other', ['16401', '16401_init', 't3_16390'], ['16401', '16401_init', 't3_16390']],
])('of the directory %s a base has what BASE_BACKUP sends', (path, names, kept) => {
  expect(namesOfBase(path, names)).toEqual(kept)
})

test('only the links of tablespaces and of the WAL are followed', () => {
  expect(['pg_wal', 'pg_tblspc/16400'].map(isFollowedLink)).toEqual([true, true])
  expect(
    ['pg_tblspc', 'pg_tblspc/a', 'pg_tblspc/1/2', 'base/1', 'x/pg_wal', 'pg_wal/1'].some(isFollowedLink),
  ).toBe(false)
})
