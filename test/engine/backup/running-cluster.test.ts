import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BackupOptions, BackupStart } from '../../../engine/operations.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

const base = handmadeBase({ tablespaces: [] })
const startedSec = 1_800_000_000
const control = Buffer.alloc(8192)
control.writeBigUInt64LE(BigInt(base.systemId))

/** The files of a server that runs, without one. */
function makeCluster(): ProtectedSource {
  const source = new ProtectedSource()
  for (const name of [
    'base',
    'base/5',
    'global',
    'pg_tblspc',
    'pg_wal',
    'pg_wal/archive_status',
    'pg_notify',
  ])
    mkdirSync(join(source.directory, name))
  write(source, 'PG_VERSION', '18\n')
  write(source, 'postmaster.pid', `42\n${source.directory}\n${startedSec}\n5432\n`)
  write(source, 'pg_wal/000000010000000000000002', 'log')
  write(source, 'pg_notify/0000', 'queue')
  writeFileSync(join(source.directory, 'global/pg_control'), control)
  for (let index = 16384; index < 16700; index++) write(source, `base/5/${index}`, 'rows')
  return source
}

function backUp(
  source: ProtectedSource,
  {
    start = {},
    end = () => {},
    ...options
  }: Partial<BackupOptions> & {
    start?: Partial<BackupStart>
    end?: () => void
  } = {},
): ReturnType<ProtectedSource['backup']> {
  const server: BackupOptions['server'] = {
    begin: () =>
      Promise.resolve({
        systemId: base.systemId,
        serverStartedSec: startedSec + 1,
        tablespaces: [],
        ...start,
      }),
    end: () => {
      end()
      return Promise.resolve({ base, tablespaceMap: '' })
    },
  }
  return source.backup({ kind: 'postgres', server, ...options })
}

test('a base has the label, every directory, and neither WAL nor what recovery makes again', async () => {
  const source = makeCluster()
  expect(await backUp(source)).toMatchObject({ complete: true, problemCount: 0, base })
  const { target } = await source.restore()
  expect(readdirSync(target).sort()).toEqual(
    ['PG_VERSION', 'backup_label', 'base', 'global', 'pg_notify', 'pg_tblspc', 'pg_wal'].sort(),
  )
  expect(readFileSync(join(target, 'backup_label'), 'utf8')).toBe(base.backupLabel)
  expect(readdirSync(join(target, 'pg_wal'))).toEqual(['archive_status'])
  expect(readdirSync(join(target, 'pg_notify'))).toEqual([])
})

test('files that change and vanish while they are read leave the base complete', async () => {
  const source = makeCluster()
  let calls = 0
  const result = await backUp(source, {
    onProgress: () => {
      if (calls++ > 0) return
      for (let index = 16400; index < 16700; index++) rmSync(join(source.directory, `base/5/${index}`))
      write(source, 'base/5/16390', 'other rows, and more of them')
    },
  })
  expect(result).toMatchObject({ complete: true, problemCount: 0 })
  expect(result.files).toBeLessThan(300)
})

test('pg_control is read after all other files, and before the end', async () => {
  const source = makeCluster()
  const later = Buffer.from(control)
  later.writeUInt32LE(7, 100)
  let calls = 0
  await backUp(source, {
    onProgress: () => {
      if (calls++ === 0) writeFileSync(join(source.directory, 'global/pg_control'), later)
    },
    end: () => writeFileSync(join(source.directory, 'global/pg_control'), control),
  })
  const { target } = await source.restore()
  expect(readFileSync(join(target, 'global/pg_control')).equals(later)).toBe(true)
})

test.each<[string, Partial<BackupStart>]>([
  ['another system', { systemId: '7578012345678901235' }],
  ['a server that started before, such as its primary', { serverStartedSec: startedSec - 60 }],
  ['a server that started later', { serverStartedSec: startedSec + 7200 }],
])('%s is refused, because the directory is not its own', async (_, start) => {
  const source = makeCluster()
  await expect(backUp(source, { start })).rejects.toMatchObject({ code: 'conflict' })
  expect(source.store.versions.filter(({ key }) => key.includes('/manifests/'))).toEqual([])
})

test('a directory without a server is refused', async () => {
  const source = makeCluster()
  rmSync(join(source.directory, 'postmaster.pid'))
  await expect(backUp(source)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('no server runs') as string,
  })
})

test('tablespaces and a linked pg_wal are followed, and nothing else is', async () => {
  const source = makeCluster()
  const elsewhere = join(source.root, 'elsewhere')
  for (const name of [
    '',
    'fast',
    'fast/PG_18_202506291',
    'fast/PG_18_202506291/5',
    'wal',
    'wal/archive_status',
  ])
    mkdirSync(join(elsewhere, name))
  write(source, '../elsewhere/fast/PG_18_202506291/5/16800', 'rows')
  write(source, '../elsewhere/wal/000000010000000000000002', 'log')
  rmSync(join(source.directory, 'pg_wal'), { recursive: true })
  symlinkSync(join(elsewhere, 'wal'), join(source.directory, 'pg_wal'))
  symlinkSync(join(elsewhere, 'fast'), join(source.directory, 'pg_tblspc/16700'))
  const tablespaces = [{ oid: 16700, location: join(elsewhere, 'fast') }]
  expect(await backUp(source, { start: { tablespaces } })).toMatchObject({ complete: true, problemCount: 0 })
  const { target } = await source.restore()
  expect(readFileSync(join(target, 'pg_tblspc/16700/PG_18_202506291/5/16800'), 'latin1')).toBe('rows')
  expect(readdirSync(join(target, 'pg_wal'))).toEqual(['archive_status'])

  symlinkSync(join(elsewhere, 'fast'), join(source.directory, 'base/6'))
  const result = await backUp(source, { start: { tablespaces } })
  expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual([['base/6', 'outside']])
})

test('a tablespace that the server has and the walk has not met makes the base incomplete', async () => {
  const source = makeCluster()
  symlinkSync(join(source.root, 'gone'), join(source.directory, 'pg_tblspc/16700'))
  const tablespaces = [16700, 16701].map((oid) => ({ oid, location: '/gone' }))
  const result = await backUp(source, { start: { tablespaces } })
  expect(result.complete).toBe(false)
  expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual([
    ['pg_tblspc/16700', 'vanished'],
    ['pg_tblspc/16700', 'outside'],
    ['pg_tblspc/16701', 'outside'],
  ])
})

test.runIf(process.getuid?.() !== 0)('an unreadable file makes the base incomplete', async () => {
  const source = makeCluster()
  chmodSync(join(source.directory, 'base/5/16400'), 0)
  expect(await backUp(source)).toMatchObject({ complete: false })
})

test('rules that leave out parts of a cluster are refused', async () => {
  await expect(backUp(makeCluster(), { exclude: { patterns: ['log/'] } })).rejects.toMatchObject({
    code: 'invalid-input',
  })
})
