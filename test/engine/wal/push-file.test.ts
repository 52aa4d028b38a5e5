import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import { segmentName } from '../../../core/wal/lsn.ts'
import { decodeWalHistory } from '../../../core/wal/wal-history.ts'
import { parseWalHistoryKey, parseWalPartKey } from '../../../core/wal/wal-keys.ts'
import { decodeWalPart } from '../../../core/wal/wal-part.ts'
import { pushWalFile } from '../../../engine/wal/push-file.ts'
import type { PushOptions } from '../../../engine/wal/push-file.ts'
import { PushJournal } from '../../../engine/wal/push-journal.ts'
import { PushPool } from '../../../engine/wal/push-pool.ts'
import { ManualClock, seededRandom } from '../../fixtures/manual-clock.ts'
import { MemoryStore } from '../../fixtures/memory-store.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'
import { WalLog } from '../../fixtures/wal-log.ts'

const systemId = '7512345678901234567'
const directory = makeTemporaryDirectory(undefined, afterAll)
let run = 0
let dataDirectory: string
let store: MemoryStore
let journal: PushJournal
let options: PushOptions

function openJournal(name: string): PushJournal {
  return PushJournal.open(join(directory, name), { vault: 'memory', source: 'rental-db' })
}

beforeEach(() => {
  run++
  dataDirectory = join(directory, `data-${run}`)
  mkdirSync(join(dataDirectory, 'pg_wal/archive_status'), { recursive: true })
  mkdirSync(join(dataDirectory, 'global'))
  const control = Buffer.alloc(8192)
  control.writeBigUInt64LE(BigInt(systemId))
  writeFileSync(join(dataDirectory, 'global/pg_control'), control)
  writeFileSync(join(dataDirectory, 'PG_VERSION'), '15\n')
  store = new MemoryStore()
  journal = openJournal(`cache-${run}`)
  options = { store, clock: new ManualClock(), random: seededRandom(run), source: 'rental-db', journal }
  return () => journal.close()
})

/** Segments with a commit that crosses each border; writes them as PostgreSQL names them. */
function writeSegments(log: WalLog, segments: number, timeline = 1): string[] {
  const { segmentBytes } = log
  for (let index = 0; index < segments; index++) {
    const room = segmentBytes - Number(log.end % BigInt(segmentBytes))
    log.insert(room - 3400)
    log.commit(BigInt(1000 + index), 3000)
  }
  log.switch()
  return Array.from({ length: segments }, (_, index) => {
    const bytes = log.bytes.subarray(index * segmentBytes, (index + 1) * segmentBytes)
    return writeWal(segmentName(timeline, log.start + BigInt(index * segmentBytes), segmentBytes), bytes)
  })
}

function writeWal(name: string, bytes: Uint8Array): string {
  const path = join(dataDirectory, 'pg_wal', name)
  writeFileSync(path, bytes)
  return path
}

async function readParts() {
  return Promise.all(store.versions.map(async ({ key, body }) => decodeWalPart(body, parseWalPartKey(key)!)))
}

describe('a segment', () => {
  test('is in the vault as it is, with the last commit that ends in it', async () => {
    const log = new WalLog()
    const [first, second] = writeSegments(log, 3)
    expect(await pushWalFile(options, first!)).toMatchObject({
      file: '000000010000000000000010',
      outcome: 'pushed',
      bytes: 2 ** 20,
      warning: null,
    })
    await pushWalFile(options, second!)
    const [one, two] = await readParts()
    expect(one!.part).toMatchObject({
      ...{ source: 'rental-db', systemId, timeline: 1, segmentBytes: 2 ** 20, postgresMajor: 15 },
      ...{ start: log.start, end: log.start + 2n ** 20n, lastCommit: null, isExamined: true },
    })
    expect(one!.bytes.equals(log.bytes.subarray(0, 2 ** 20))).toBe(true)
    // The commit begins in the first segment and ends in the second one, which alone brings it back.
    expect(two!.part.lastCommit?.timeUs).toBe(1000n)
    expect(two!.part.lastCommit!.lsn < two!.part.start).toBe(true)
    expect(two!.part.isExamined).toBe(true)
  })

  test('whose first record began in one that this machine has not pushed reports that', async () => {
    const [, second] = writeSegments(new WalLog(), 2)
    await pushWalFile(options, second!)
    const [part] = await readParts()
    expect(part!.part).toMatchObject({ lastCommit: null, isExamined: false })
  })

  test('is not uploaded twice, also by another process', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    await pushWalFile(options, path!)
    expect(await pushWalFile(options, path!)).toMatchObject({ outcome: 'repeated' })
    journal.close()
    journal = openJournal(`cache-${run}`)
    expect(await pushWalFile({ ...options, journal }, path!)).toMatchObject({ outcome: 'repeated' })
    expect(store.versions).toHaveLength(1)
  })

  test('with other bytes under the same name is refused', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    await pushWalFile(options, path!)
    const forked = new WalLog()
    forked.insert(5)
    writeSegments(forked, 1)
    await expect(pushWalFile(options, path!)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('has other bytes') as string,
    })
    expect(store.versions).toHaveLength(1)
  })

  test('of another cluster is refused, until that cluster is accepted', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    await pushWalFile(options, path!)
    const [upgraded] = writeSegments(new WalLog({ systemId: 5n, start: 0x200_0000n, magic: 0xd118 }), 1)
    await expect(pushWalFile(options, upgraded!)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`of the cluster 5, and rental-db has WAL of ${systemId}`) as string,
    })
    expect(await pushWalFile({ ...options, acceptedSystemId: '5' }, upgraded!)).toMatchObject({
      outcome: 'pushed',
    })
    await expect(pushWalFile(options, path!)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('is acknowledged only if the vault acknowledged it', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    store.beforePut = () => {
      throw new HoldfastError('denied', 'no')
    }
    await expect(pushWalFile(options, path!)).rejects.toMatchObject({ code: 'denied' })
    store.beforePut = () => {}
    expect(await pushWalFile(options, path!)).toMatchObject({ outcome: 'pushed' })
  })

  test('whose upload got no reply is uploaded again under a new key', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    let isFirst = true
    store.afterPut = () => {
      if (!isFirst) return
      isFirst = false
      throw new HoldfastError('unreachable', 'reset', { retryable: true })
    }
    expect(await pushWalFile(options, path!)).toMatchObject({ outcome: 'pushed' })
    expect(new Set(store.versions.map(({ key }) => key)).size).toBe(2)
    const [one, two] = await readParts()
    expect(one!.bytes.equals(two!.bytes)).toBe(true)
  })

  test('larger than a part takes several, and all must arrive', async () => {
    const log = new WalLog({ segmentBytes: 2 ** 25, start: 0x200_0000n })
    log.insert(20 * 2 ** 20)
    log.commit(7n)
    log.switch()
    const path = writeWal(segmentName(1, log.start, 2 ** 25), log.bytes)
    await pushWalFile(options, path)
    const parts = await readParts()
    expect(parts.map(({ part }) => [part.end - part.start, part.lastCommit?.timeUs])).toEqual([
      [2n ** 24n, undefined],
      [2n ** 24n, 7n],
    ])
    expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(log.bytes)).toBe(true)
    expect(await pushWalFile(options, path)).toMatchObject({ outcome: 'repeated' })
  })

  test('with a record that is damaged is kept as it is, with a warning', async () => {
    const log = new WalLog()
    log.insert(10)
    log.commit(7n)
    const end = Number(log.end - log.start)
    const [path] = writeSegments(log, 1)
    const bytes = log.bytes.subarray(0, 2 ** 20)
    bytes[end - 1]! ^= 1
    writeWal('000000010000000000000010', bytes)
    const { warning } = await pushWalFile(options, path!)
    expect(warning).toMatch(/^its records end at 0\/10000/)
    expect((await readParts())[0]!.part).toMatchObject({ lastCommit: null, isExamined: false })
  })
})

describe('a file', () => {
  test('that is the last, partial segment of a timeline is pushed up to its last record', async () => {
    const log = new WalLog()
    log.insert(50)
    log.commit(7n)
    const records = log.bytes
    const garbage = Buffer.alloc(2 ** 20 - records.length, 0xee)
    const path = writeWal('000000010000000000000010.partial', Buffer.concat([records, garbage]))
    expect(await pushWalFile(options, path)).toMatchObject({ outcome: 'pushed', warning: null })
    const [part] = await readParts()
    expect(part!.bytes.equals(records)).toBe(true)
    expect(part!.part).toMatchObject({ lastCommit: { timeUs: 7n }, isExamined: true })
  })

  test('that is a history is in the vault as it is', async () => {
    const text = '1\t0/3000060\tno recovery target specified\n'
    const path = writeWal('00000002.history', Buffer.from(text))
    expect(await pushWalFile(options, path)).toMatchObject({ outcome: 'pushed' })
    expect(await pushWalFile(options, path)).toMatchObject({ outcome: 'repeated' })
    const [version] = store.versions
    const name = parseWalHistoryKey(version!.key)!
    expect(name).toMatchObject({ source: 'rental-db', systemId, timeline: 2 })
    expect((await decodeWalHistory(version!.body, name)).bytes.toString()).toBe(text)
  })

  test('that notes a base backup is not needed', async () => {
    const path = writeWal('000000010000000000000010.00000028.backup', Buffer.from('START WAL LOCATION'))
    expect(await pushWalFile(options, path)).toMatchObject({ outcome: 'skipped' })
    expect(store.versions).toEqual([])
  })

  test.each([
    ['a name that is none', 'notes.txt', Buffer.alloc(10), 'invalid-input'],
    ['no pages', '000000010000000000000010', Buffer.alloc(2 ** 20), 'invalid-input'],
    ['too few bytes', '000000010000000000000010', new WalLog().bytes, 'invalid-input'],
    ['an empty history', '00000002.history', Buffer.alloc(0), 'invalid-input'],
  ])('with %s is refused', async (_, name, bytes, code) => {
    await expect(pushWalFile(options, writeWal(name, bytes))).rejects.toMatchObject({ code })
    expect(store.versions).toEqual([])
  })

  test('that lies under the name of another one is refused', async () => {
    const log = new WalLog()
    writeSegments(log, 1)
    const path = writeWal('000000010000000000000011', log.bytes.subarray(0, 2 ** 20))
    await expect(pushWalFile(options, path)).rejects.toMatchObject({ code: 'invalid-input' })
  })

  test('that is a link, or missing, is refused', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    const link = join(dataDirectory, 'pg_wal/000000010000000000000099')
    symlinkSync(path!, link)
    await expect(pushWalFile(options, link)).rejects.toMatchObject({ code: 'not-found' })
    await expect(pushWalFile(options, `${path}`.replace(/10$/, '77'))).rejects.toMatchObject({
      code: 'not-found',
    })
  })
})

describe('a pool', () => {
  test('also pushes the segments that PostgreSQL has finished, and gives each once', async () => {
    const paths = writeSegments(new WalLog(), 6)
    for (const path of paths.slice(0, 5))
      writeFileSync(path.replace('pg_wal/', 'pg_wal/archive_status/') + '.ready', '')
    const pool = new PushPool(options)
    await pool.push(paths[0]!)
    await pool.drain()
    expect(store.versions).toHaveLength(5)
    expect(await Promise.all(paths.map((path) => pool.push(path)))).toMatchObject([
      ...Array.from({ length: 5 }, () => ({ outcome: 'repeated' })),
      { outcome: 'pushed' },
    ])
    expect((await readParts()).map(({ part }) => part.isExamined)).toEqual(Array(6).fill(true))
  })

  test('gives the error of a file to the request for it, and stops to push ahead', async () => {
    const paths = writeSegments(new WalLog(), 4)
    for (const path of paths) writeFileSync(path.replace('pg_wal/', 'pg_wal/archive_status/') + '.ready', '')
    store.beforePut = (key) => {
      if (key.includes('0000000001000000-')) return
      throw new HoldfastError('denied', 'no')
    }
    const pool = new PushPool(options)
    expect(await pool.push(paths[0]!)).toMatchObject({ outcome: 'pushed' })
    await pool.drain()
    await expect(pool.push(paths[1]!)).rejects.toMatchObject({ code: 'denied' })
    await pool.drain()
    store.beforePut = () => {}
    expect(await pool.push(paths[1]!)).toMatchObject({ outcome: 'pushed' })
  })
})

describe('a journal', () => {
  test('that is damaged is begun anew, which costs an upload', async () => {
    const [path] = writeSegments(new WalLog(), 1)
    await pushWalFile(options, path!)
    journal.close()
    const file = join(directory, `cache-${run}`)
    const { readdirSync } = await import('node:fs')
    for (const name of readdirSync(file)) writeFileSync(join(file, name), 'garbage '.repeat(2000))
    journal = openJournal(`cache-${run}`)
    expect(await pushWalFile({ ...options, journal }, path!)).toMatchObject({ outcome: 'pushed' })
    expect(store.versions).toHaveLength(2)
  })

  test('in a directory that another user may write to is refused', () => {
    const open = join(directory, `open-${run}`)
    mkdirSync(open, { mode: 0o777 })
    symlinkSync(open, `${open}-link`)
    expect(() => openJournal(`open-${run}-link`)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
  })
})
