import { expect, test } from 'vitest'
import { judgeServer } from '../../../engine/postgres/server-check.ts'

const sound = {
  version: '180004',
  standby: 'false',
  wal_level: 'replica',
  max_wal_senders: '10',
  max_replication_slots: '10',
  archive_mode: 'on',
  archive_command: 'holdfast wal-push %p',
  archive_timeout: '60',
  fsync: 'on',
  full_page_writes: 'on',
  data_checksums: 'on',
  synchronous_standby_names: '',
  max_slot_wal_keep_size: '-1',
  super: 'false',
  replication: 'true',
  starts: 'true',
  stops: 'true',
  prepared: '0',
  logical: '0',
  streaming: null,
  lost: null,
}

test('a sound server has no finding', () => {
  expect(judgeServer(sound)).toEqual({
    serverVersion: 180004,
    isStandby: false,
    loss: '60 s and the time of an upload, while the server writes WAL',
    findings: [],
  })
})

test.each<[Partial<Record<keyof typeof sound, string | null>>, string[]]>([
  [{ version: '140010' }, ['version']],
  [{ wal_level: 'minimal' }, ['wal_level']],
  [{ archive_mode: 'off' }, ['wal']],
  [{ archive_command: 'cp %p /archive/%f' }, ['wal']],
  [{ archive_command: null }, ['wal']],
  [{ standby: 'true' }, ['wal']],
  [{ standby: 'true', archive_mode: 'always' }, []],
  [{ archive_mode: 'off', streaming: 'false' }, ['wal', 'slot-size']],
  [{ archive_mode: 'off', streaming: 'true', max_slot_wal_keep_size: '1024' }, []],
  [{ lost: 'true' }, ['slot']],
  [{ fsync: 'off' }, ['full_page_writes']],
  [{ full_page_writes: 'off' }, ['full_page_writes']],
  [{ starts: 'false', super: 'true' }, []],
  [{ stops: 'false' }, ['backup-role']],
  [{ replication: 'false' }, ['stream-role']],
  [{ max_wal_senders: '0' }, ['senders']],
  [{ data_checksums: 'off' }, ['checksums']],
  [{ synchronous_standby_names: 'ANY 1 (*)' }, ['any-synchronous']],
  [{ prepared: '2' }, ['prepared']],
  [{ logical: '1' }, ['logical-slots']],
])('of a server with %j the check names %j', (changes, names) => {
  expect(judgeServer({ ...sound, ...changes }).findings.map(({ name }) => name)).toEqual(names)
})

test.each<[Partial<Record<keyof typeof sound, string | null>>, string]>([
  [{ streaming: 'true' }, 'seconds'],
  [{ archive_timeout: '0' }, 'a whole segment'],
  [{ archive_mode: 'off' }, 'everything since the last snapshot'],
])('with %j a disaster costs %s', (changes, loss) => {
  expect(judgeServer({ ...sound, ...changes }).loss).toContain(loss)
})
