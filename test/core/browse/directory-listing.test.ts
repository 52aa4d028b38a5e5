import { expect, test } from 'vitest'
import { listEntries } from '../../../core/browse/directory-listing.ts'
import { parentPath } from '../../../core/tree/tree.ts'
import { manyFiles, StoredNodes, treeOf } from '../../fixtures/stored-nodes.ts'

async function pathsIn(nodes: StoredNodes, root: Buffer, path: string, recursive = false): Promise<string[]> {
  const paths: string[] = []
  for await (const entries of listEntries(nodes, root, { path: Buffer.from(path, 'latin1'), recursive }))
    paths.push(...entries.map((entry) => entry.path.toString('latin1')))
  return paths
}

test('a directory has its entries and no other, wherever the cuts of the tree lie', async () => {
  const entries = treeOf({ ...manyFiles(6000), 'dir-050/deep/er/x': '1', 'dir-050.txt': '2', top: '3' })
  const nodes = new StoredNodes()
  const root = nodes.build(entries)
  const directories = entries.filter(({ type }) => type === 'directory').map(({ path }) => path)
  expect(directories.length).toBe(103)
  for (const directory of directories) {
    const expected = entries.filter(({ path }) => path.length > 0 && parentPath(path).equals(directory))
    expect(await pathsIn(nodes, root, directory.toString())).toEqual(
      expected.map(({ path }) => path.toString()),
    )
  }
})

test('nodes that lie deeper are not read', async () => {
  const nodes = new StoredNodes()
  const root = nodes.build(
    treeOf({ ...Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`all/${i}`, ''])), zzz: '' }),
  )
  expect(nodes.size).toBeGreaterThan(20)
  nodes.nodesRead = 0
  expect(await pathsIn(nodes, root, '')).toEqual(['all', 'zzz'])
  expect(nodes.nodesRead).toBeLessThanOrEqual(4)
})

test('with everything below it, a directory has all its entries', async () => {
  const nodes = new StoredNodes()
  const root = nodes.build(treeOf({ 'a/b/c': '1', 'a/d': '2', ab: '3', 'a.txt': '4' }))
  expect(await pathsIn(nodes, root, 'a', true)).toEqual(['a/b', 'a/b/c', 'a/d'])
  expect(await pathsIn(nodes, root, '', true)).toEqual(['a', 'a/b', 'a/b/c', 'a/d', 'a.txt', 'ab'])
})

test('a file is listed alone, and a path that is not there is refused with its name, escaped', async () => {
  const nodes = new StoredNodes()
  const root = nodes.build(treeOf({ 'a/b': '1', 'a/bc': '2', empty: '' }))
  expect(await pathsIn(nodes, root, 'a/b')).toEqual(['a/b'])
  expect(await pathsIn(nodes, root, 'a/b', true)).toEqual(['a/b'])
  await expect(pathsIn(nodes, root, 'a/\u001b[2J')).rejects.toMatchObject({
    code: 'not-found',
    message: 'the snapshot holds no a/\\x1b[2J',
  })
  await expect(pathsIn(nodes, root, 'a/b/c')).rejects.toMatchObject({ code: 'not-found' })
  expect(await pathsIn(nodes, nodes.build(treeOf({})), '')).toEqual([])
})
