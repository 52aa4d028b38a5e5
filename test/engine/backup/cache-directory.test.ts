import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { prepareCacheDirectory, writeNewFile } from '../../../engine/backup/cache-directory.ts'
import { expectEqual, write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const isRoot = process.geteuid?.() === 0
const otherUser = 4321

describe('a cache directory', () => {
  test('that is missing is made for this user alone', () => {
    const directory = join(makeTemporaryDirectory(), 'a/b')
    prepareCacheDirectory(directory)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    prepareCacheDirectory(directory)
  })

  test.each<[string, (directory: string) => void]>([
    ['that others may write to', (directory) => chmodSync(directory, 0o777)],
    ['that a group may write to', (directory) => chmodSync(directory, 0o770)],
    [
      'that is a link',
      (directory) => {
        renameSync(directory, `${directory}-real`)
        symlinkSync(`${directory}-real`, directory)
      },
    ],
    ['in a directory that others may write to', (directory) => chmodSync(join(directory, '..'), 0o777)],
    ...(isRoot
      ? ([
          ['of another user', (directory) => chownSync(directory, otherUser, otherUser)],
          [
            "in another user's directory",
            (directory) => chownSync(join(directory, '..'), otherUser, otherUser),
          ],
        ] satisfies [string, (directory: string) => void][])
      : []),
  ])('%s is refused, and nothing in it is read or changed', async (_, spoil) => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup()
    const before = readdirSync(source.cacheDirectory)
    spoil(source.cacheDirectory)
    await expect(source.backup()).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining("can't be trusted") as string,
    })
    expect(readdirSync(source.cacheDirectory)).toEqual(before)
  })
})

describe('a file in the cache', () => {
  // SQLite makes a database of an empty file.
  test.each(
    ['started', '.sqlite', '.sqlite-wal', '.lock', '.sqlite.begun-anew'].flatMap((suffix) =>
      ['precious', ''].map((content) => [suffix, content] as const),
    ),
  )('%s that is a link to another file does not change that file (%j)', async (suffix, content) => {
    const source = new ProtectedSource()
    write(source, 'a', 'a')
    await source.backup()
    const victim = join(source.root, 'victim')
    writeFileSync(victim, content)
    const name = readdirSync(source.cacheDirectory).find((entry) => entry.endsWith('.sqlite'))!
    const planted = join(
      source.cacheDirectory,
      suffix === 'started' ? suffix : name.replace('.sqlite', suffix),
    )
    rmSync(planted, { force: true })
    symlinkSync(victim, planted)
    await source.backup().catch(() => {})
    expect(readFileSync(victim, 'utf8')).toBe(content)
    rmSync(planted, { force: true })
    linkSync(victim, planted)
    await source.backup().catch(() => {})
    expect(readFileSync(victim, 'utf8')).toBe(content)
  })

  test('is written anew, never emptied', () => {
    const directory = makeTemporaryDirectory()
    writeFileSync(join(directory, 'victim'), 'precious')
    linkSync(join(directory, 'victim'), join(directory, 'file'))
    writeNewFile(join(directory, 'file'), 'text')
    expect(readFileSync(join(directory, 'victim'), 'utf8')).toBe('precious')
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('text')
  })
})

test.each([
  ['packs', 'footer', 'footer BLOB NOT NULL', 'footer BLOB'],
  ['packs', 'description', 'description TEXT NOT NULL', 'description TEXT'],
  ['files', 'records', 'records BLOB NOT NULL', 'records BLOB'],
  ['identity', 'value', 'value TEXT NOT NULL', 'value TEXT'],
  ['last_snapshot', 'value', 'value TEXT NOT NULL', 'value TEXT'],
])('a row of %s without its %s begins the cache anew, with a message', async (table, column, from, to) => {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'd'))
  write(source, 'd/a', 'content')
  const { utimesSync } = await import('node:fs')
  utimesSync(join(source.directory, 'd/a'), 1, 1)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await source.backup()
  const name = readdirSync(source.cacheDirectory).find((entry) => entry.endsWith('.sqlite'))!
  const change = (...statements: string[]): void => {
    const database = new DatabaseSync(join(source.cacheDirectory, name), { defensive: false })
    for (const statement of statements) database.exec(statement)
    database.close()
  }
  change(
    'PRAGMA writable_schema = ON',
    `UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}') WHERE name = '${table}'`,
  )
  change(`UPDATE ${table} SET ${column} = NULL`)
  source.store.nowMs += 60_000
  expect((await source.backup()).cacheNote).toContain('begun anew')
  expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
  await expectEqual(source)
})
