import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import { ClusterWal } from '../../../core/recovery/cluster-wal.ts'
import { chooseRecovery } from '../../../core/recovery/recovery-choice.ts'
import { setAsideDirectory, tablespaceDirectory } from '../../../core/recovery/recovery-settings.ts'
import type { RecoveryTarget } from '../../../core/recovery/recovery-target.ts'
import { prepareRecovery } from '../../../engine/recovery/prepare-recovery.ts'
import type { PreparedRecovery } from '../../../engine/recovery/prepare-recovery.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import { HandmadeWal } from '../../fixtures/handmade-wal.ts'

const id = '01KN35E000B6GR48QH7ECGPZ10'
const segment = 0x200_0000n
const aside = `${setAsideDirectory}-${id}`
const firstSegment = 'pg_wal/000000010000000000000002'
let parent: string
let target: string
let wal: HandmadeWal

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'hf-prepare-'))
  target = join(parent, 'data')
  for (const directory of ['', 'global', 'base', 'pg_wal', 'pg_replslot', 'pg_tblspc', 'pg_tblspc/16400'])
    mkdirSync(join(target, directory), { recursive: true })
  writeFileSync(join(target, 'PG_VERSION'), '18\n')
  writeFileSync(join(target, 'pg_tblspc/16400/rows'), 'rows')
  wal = new HandmadeWal()
  // Less than a page's header: the bytes mean nothing.
  await wal.add({ start: segment, end: segment + 32n })
  await wal.add({ start: segment + 32n, end: segment + 4096n, commitUs: 5n })
})
afterEach(() => rmSync(parent, { recursive: true, force: true }))

async function prepare(recoveryTarget: RecoveryTarget = { kind: 'end' }): Promise<PreparedRecovery> {
  const clusters = await ClusterWal.readAll(wal.store, wal.source)
  const ref = {
    id,
    source: wal.source,
    key: '',
    versionId: 'v1',
    timeMs: 0,
    bytes: 1,
    isHidden: false,
    flags: [],
  }
  const choice = await chooseRecovery([{ ref, postgres: handmadeBase() }], clusters, {
    target: recoveryTarget,
  })
  const cluster = clusters.get(handmadeBase().systemId)!
  return prepareRecovery({ store: wal.store, cluster, choice, target })
}

async function codeOf(preparation: Promise<unknown>): Promise<string> {
  const error: unknown = await preparation.then(
    () => 'it was prepared',
    (reason: unknown) => reason,
  )
  if (isHoldfastError(error)) return error.code
  throw new Error('no refusal', { cause: error })
}

test('the WAL lies in segments of full size, and the server gets settings of ours', async () => {
  const prepared = await prepare()
  expect(prepared).toMatchObject({ segments: 1, bytes: 4096, links: 0, tablespaces: 1 })
  expect(lstatSync(join(target, firstSegment)).size).toBe(handmadeBase().segmentBytes)
  const settings = readFileSync(join(target, 'postgresql.conf'), 'utf8')
  for (const line of [
    "restore_command = 'false'",
    "recovery_target_timeline = '1'",
    "recovery_target_action = 'promote'",
    "hot_standby = 'off'",
    "archive_mode = 'off'",
  ])
    expect(settings).toContain(line)
  expect(settings).not.toContain('recovery_target_time =')
  expect(existsSync(join(target, 'recovery.signal'))).toBe(true)
  expect(readFileSync(join(target, 'backup_label'), 'utf8')).toBe(handmadeBase().backupLabel)
})

test('a tablespace lies in the directory, and the map of the restore names it', async () => {
  await prepare()
  const location = join(target, tablespaceDirectory, '16400')
  expect(readFileSync(join(target, 'tablespace_map'), 'utf8')).toBe(`16400 ${location}\n`)
  expect(readdirSync(location)).toEqual(['rows'])
  expect(existsSync(join(target, 'pg_tblspc/16400'))).toBe(false)
})

test('a position is the target of the server', async () => {
  await prepare({ kind: 'lsn', lsn: segment + 4000n })
  expect(readFileSync(join(target, 'postgresql.conf'), 'utf8')).toContain("recovery_target_lsn = '0/2000FA0'")
})

describe('a hostile backup', () => {
  test.each([
    'postgresql.auto.conf',
    'postgresql.conf',
    'pg_hba.conf',
    'standby.signal',
    'recovery.signal',
    'backup_label.old',
    'postmaster.pid',
    'tablespace_map',
  ])('%s is set aside', async (name) => {
    writeFileSync(join(target, name), 'hostile')
    await prepare()
    expect(readFileSync(join(target, aside, name), 'utf8')).toBe('hostile')
    expect(existsSync(join(target, name)) && readFileSync(join(target, name), 'utf8') === 'hostile').toBe(
      false,
    )
  })

  test('a slot and old WAL are set aside', async () => {
    mkdirSync(join(target, 'pg_replslot/logical'))
    writeFileSync(join(target, firstSegment), 'old')
    await prepare()
    expect(readdirSync(join(target, 'pg_replslot'))).toEqual([])
    expect(readFileSync(join(target, aside, firstSegment), 'utf8')).toBe('old')
  })

  test.each(['pg_wal', 'pg_tblspc', 'global', 'postgresql.conf', 'base/link'])(
    'nothing is written through a link %s',
    async (name) => {
      const outside = join(parent, 'outside')
      mkdirSync(outside)
      rmSync(join(target, name), { recursive: true, force: true })
      symlinkSync(outside, join(target, name))
      const prepared = await prepare()
      expect(prepared.links).toBe(1)
      expect(readdirSync(outside)).toEqual([])
      expect(lstatSync(join(target, aside, 'links/0')).isSymbolicLink()).toBe(true)
      expect(lstatSync(join(target, 'pg_wal')).isDirectory()).toBe(true)
    },
  )

  test('the name of the directory for what is set aside can not be taken', async () => {
    symlinkSync('/tmp', join(target, aside))
    await expect(prepare()).rejects.toThrow()
    expect(existsSync(join(target, 'recovery.signal'))).toBe(false)
  })

  test.each(['17\n', '18', '18\n1', '', '../18\n'])('a PG_VERSION of %j is refused', async (text) => {
    writeFileSync(join(target, 'PG_VERSION'), text)
    expect(await codeOf(prepare())).toBe('damaged')
  })
})

describe('WAL that is not what it claims', () => {
  test('a damaged part stops the restore before a server can start', async () => {
    const last = wal.store.versions.at(-1)!
    last.body = Buffer.from(
      last.body.map((byte, index) => (index === last.body.length - 9 ? byte ^ 1 : byte)),
    )
    expect(await codeOf(prepare())).toBe('damaged')
    expect(existsSync(join(target, 'recovery.signal'))).toBe(false)
  })

  test('two parts of one range with other bytes are a conflict; with the same bytes they are one', async () => {
    await wal.add({ start: segment + 32n, end: segment + 4096n, commitUs: 5n })
    expect((await prepare()).bytes).toBe(4096)
    rmSync(join(target, aside), { recursive: true })
    await wal.add({ start: segment + 32n, end: segment + 4096n, commitUs: 5n, seed: 2 })
    expect(await codeOf(prepare())).toBe('conflict')
  })

  test('a segment whose first page is of another cluster is refused', async () => {
    wal = new HandmadeWal()
    await wal.add({ start: segment, end: segment + 4096n, commitUs: 5n })
    expect(await codeOf(prepare())).toBe('damaged')
  })
})
