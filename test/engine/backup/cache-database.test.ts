import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CacheDamaged, cacheFailure } from '../../../engine/backup/cache-database.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

afterEach(() => void vi.restoreAllMocks())

/** A source that was backed up: what follows has it as its parent, as long as the cache is there. */
async function backedUp(): Promise<{ source: ProtectedSource; file: string }> {
  const source = new ProtectedSource()
  writeFileSync(join(source.directory, 'a'), 'content')
  await source.backup({ workers: 0 })
  return {
    source,
    file: join(
      source.cacheDirectory,
      readdirSync(source.cacheDirectory).find((name) => name.endsWith('.sqlite'))!,
    ),
  }
}

/** From now on the first statement that contains `text` fails so, as often as said. */
function failStatement(text: string, failure: object, times = Infinity): void {
  const exec = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, 'exec')!.value as (
    this: DatabaseSync,
    statement: string,
  ) => void
  let remainingCalls = times
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, statement) {
    if (statement.includes(text) && remainingCalls-- > 0) throw Object.assign(new Error('injected'), failure)
    exec.call(this, statement)
  })
}

const passing: [string, object][] = [
  ['an I/O error', { errcode: 10 }],
  ['an I/O error at fsync', { errcode: 10 | (4 << 8) }],
  ["a file that can't be opened", { errcode: 14 }],
  ['a file that somebody else has locked', { errcode: 5 | (1 << 8) }],
  ['too little memory', { errcode: 7 }],
  ['a file system that is read-only', { errcode: 8 }],
  ['EIO', { code: 'EIO' }],
  ['EMFILE', { code: 'EMFILE' }],
]

describe('what may pass leaves the cache as it is, and fails with a name:', () => {
  test.each(passing)('%s while it is opened', async (_, failure) => {
    const { source } = await backedUp()
    failStatement('PRAGMA', failure)
    await expect(source.backup({ workers: 0 })).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'invalid-input',
      hint: expect.stringContaining('left as it is') as string,
    })
    vi.restoreAllMocks()
    expect(await source.backup({ workers: 0 })).toMatchObject({
      cacheNote: null,
      parentId: expect.any(String) as string,
    })
  })

  test('an I/O error in the middle of a backup', async () => {
    const { source } = await backedUp()
    writeFileSync(join(source.directory, 'b'), 'new')
    failStatement('COMMIT', { errcode: 10 }, 1)
    await expect(source.backup({ workers: 0 })).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'invalid-input',
    })
    expect(await source.backup({ workers: 0 })).toMatchObject({
      cacheNote: null,
      parentId: expect.any(String) as string,
    })
  })

  test('a directory in its place', async () => {
    const { source, file } = await backedUp()
    renameSync(file, join(source.root, 'kept'))
    mkdirSync(file)
    await expect(source.backup({ workers: 0 })).rejects.toMatchObject({ code: 'invalid-input' })
    rmSync(file, { recursive: true })
    renameSync(join(source.root, 'kept'), file)
    expect(await source.backup({ workers: 0 })).toMatchObject({
      cacheNote: null,
      parentId: expect.any(String) as string,
    })
  })
})

describe('a cache that is damaged', () => {
  const damages: [string, (file: string) => void][] = [
    ['is no database', (file) => writeFileSync(file, 'x'.repeat(4096))],
    ['has another schema', (file) => change(file, 'PRAGMA user_version = 99')],
    ["lacks a table's column", (file) => change(file, 'ALTER TABLE files DROP COLUMN checksum')],
    ['belongs to another vault', (file) => change(file, "UPDATE owner SET name = 'other'")],
  ]

  function change(file: string, statement: string): void {
    const database = new DatabaseSync(file)
    database.exec(statement)
    database.close()
  }

  test.each(damages)(
    'because it %s is begun anew, and each run says so until one has made a snapshot',
    async (_, damage) => {
      const { source, file } = await backedUp()
      damage(file)
      source.store.beforePut = () => {
        throw new Error('the run ends here')
      }
      await expect(source.backup({ workers: 0 })).rejects.toThrow('the run ends here')
      source.store.beforePut = () => {}
      expect((await source.backup({ dryRun: true, workers: 0 })).cacheNote).toContain('begun anew')
      expect(await source.backup({ workers: 0 })).toMatchObject({
        cacheNote: expect.stringContaining('begun anew') as string,
        parentId: null,
      })
      expect((await source.backup({ workers: 0 })).cacheNote).toBeNull()
      expect(existsSync(`${file}.begun-anew`)).toBe(false)
    },
  )
})

test('only what SQLite says of the content is damage', () => {
  const isDamage = (failure: object): boolean =>
    cacheFailure('/cache', Object.assign(new Error('injected'), failure)) instanceof CacheDamaged
  for (const errcode of [1, 11, 11 | (1 << 8), 26, 522])
    expect(isDamage({ errcode }), String(errcode)).toBe(true)
  for (const [, failure] of passing) expect(isDamage(failure)).toBe(false)
  expect(cacheFailure('/cache', Object.assign(new Error('full'), { errcode: 13 }))).toMatchObject({
    code: 'disk-full',
  })
})
