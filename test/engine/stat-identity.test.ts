import type { BigIntStats } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeRecord, FileRecords } from '../../engine/backup/file-records.ts'
import { sameStatIdentity, statIdentityOf, clampTimeNs } from '../../engine/stat-identity.ts'
import { LinkGroups } from '../../engine/backup/link-groups.ts'

test('two stamps are the same if all their parts are', () => {
  const identity = { size: 1, mtimeNs: 2n, ctimeNs: 3n, inode: 4n }
  expect(sameStatIdentity(identity, { ...identity })).toBe(true)
  for (const change of [{ size: 2 }, { mtimeNs: 3n }, { ctimeNs: 4n }, { inode: 5n }])
    expect(sameStatIdentity(identity, { ...identity, ...change })).toBe(false)
})

/** As Node gives the numbers of inodes from 2^63 on. */
const stats = {
  dev: 1n,
  ino: -7n,
  size: 1n,
  mtimeNs: 10_413_792_000_000_000_000n,
  ctimeNs: -(2n ** 80n),
} as BigIntStats

test('inodes of any number and times of any year can be remembered', () => {
  const identity = statIdentityOf(stats)
  expect(identity).toEqual({ size: 1, mtimeNs: 2n ** 63n - 1n, ctimeNs: -(2n ** 63n), inode: 2n ** 64n - 7n })
  expect(
    new FileRecords(
      encodeRecord(Buffer.from('a'), identity, { digests: Buffer.alloc(32), lengths: [1] }),
    ).hasStatIdentityAt(0, identity),
  ).toBe(true)
  expect(clampTimeNs(1n)).toBe(1n)
})

test('links to such an inode have a number that the format holds', () => {
  expect(new LinkGroups().find(stats).group).toBe(2 ** 48 - 7 + 1)
})
