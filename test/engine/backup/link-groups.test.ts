import type { BigIntStats } from 'node:fs'
import { expect, test } from 'vitest'
import { LinkGroups } from '../../../engine/backup/link-groups.ts'

function statsOf(fields: Partial<BigIntStats> = {}): BigIntStats {
  return { dev: 1n, ino: 7n, birthtimeNs: 100n, ctimeNs: 200n, ...fields } as BigIntStats
}

test('names of one file have one group, also when its change time moves because a name was added', () => {
  const links = new LinkGroups<string>()
  expect(links.find(statsOf())).toMatchObject({ group: 8, first: undefined })
  links.setFirst(statsOf(), 'first')
  expect(links.find(statsOf({ ctimeNs: 300n }))).toMatchObject({ group: 8, first: 'first' })
})

test.each([
  ['inode was given to another file', {}, { birthtimeNs: 101n, ctimeNs: 101n }],
  [
    'inode has changed on a file system without birth times',
    { birthtimeNs: 0n },
    { birthtimeNs: 0n, ctimeNs: 201n },
  ],
  ['device is another', {}, { dev: 2n }],
])('a name whose %s has no content of the file before, and a group of its own', (_, before, after) => {
  const links = new LinkGroups<string>()
  const { group } = links.find(statsOf(before))
  links.setFirst(statsOf(before), 'first')
  const match = links.find(statsOf(after))
  expect(match.first).toBeUndefined()
  expect(match.group).not.toBe(group)
})
