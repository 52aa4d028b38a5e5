import { expect, test } from 'vitest'
import { sameStamp } from '../../engine/file-stamp.ts'

test('two stamps are the same if all their parts are', () => {
  const stamp = { size: 1, mtimeNs: 2n, ctimeNs: 3n, inode: 4n }
  expect(sameStamp(stamp, { ...stamp })).toBe(true)
  for (const change of [{ size: 2 }, { mtimeNs: 3n }, { ctimeNs: 4n }, { inode: 5n }]) expect(sameStamp(stamp, { ...stamp, ...change })).toBe(false)
})
