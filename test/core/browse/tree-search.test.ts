import { expect, test } from 'vitest'
import { TreeSearch } from '../../../core/browse/tree-search.ts'
import type { SnapshotRef } from '../../../core/snapshot/snapshot-list.ts'
import { selectPaths } from '../../../core/tree/tree.ts'
import { manyFiles, StoredNodes, treeOf } from '../../fixtures/stored-nodes.ts'

const refOf = (index: number): SnapshotRef => ({
  id: `snapshot ${index}`,
  source: 'files',
  key: '',
  versionId: '',
  timeMs: index,
  bytes: 0,
  isHidden: false,
  flags: [],
})

const searchFor = (suffix: string, base = ''): TreeSearch =>
  new TreeSearch({
    matches: ({ path }) => path.toString('latin1').endsWith(suffix),
    selection: selectPaths([Buffer.from(base)]),
  })

const summaryOf = (search: TreeSearch): string[] =>
  search.versions.map(
    ({ entry, first, last, snapshots }) =>
      `${entry.path.toString('latin1')} ${entry.size}: ${first.timeMs} to ${last.timeMs}, ${snapshots}`,
  )

test('each version has the snapshots in which it is, also if it comes back', async () => {
  const nodes = new StoredNodes()
  const search = searchFor('.pdf')
  const states = [
    { 'a.pdf': '1', 'b/c.pdf': '1' },
    { 'a.pdf': '22', 'b/c.pdf': '1' },
    { 'b/c.pdf': '1', 'b/d.txt': '' },
    { 'a.pdf': '1', 'b/c.pdf': '1' },
  ]
  for (const [index, files] of states.entries())
    await search.add(nodes, nodes.build(treeOf(files)), refOf(index))
  expect(summaryOf(search)).toEqual(['a.pdf 1: 0 to 3, 2', 'a.pdf 2: 1 to 1, 1', 'b/c.pdf 1: 0 to 3, 4'])
})

test('nodes that an earlier snapshot had are not read again', async () => {
  const nodes = new StoredNodes()
  const files = manyFiles(8000)
  const roots = Array.from({ length: 6 }, (_, index) =>
    nodes.build(treeOf({ ...files, [`dir-050/new-${index}.pdf`]: String(index) })),
  )
  nodes.nodesRead = 0
  const search = searchFor('.pdf')
  await search.add(nodes, roots[0]!, refOf(0))
  const ofFirst = nodes.nodesRead
  for (const [index, root] of roots.entries()) if (index > 0) await search.add(nodes, root, refOf(index))
  expect(ofFirst).toBeGreaterThan(9)
  expect(nodes.nodesRead - ofFirst).toBeLessThanOrEqual(5 * 4)
  expect(search.versions).toHaveLength(6)
})

test('only nodes below the base are read', async () => {
  const nodes = new StoredNodes()
  const root = nodes.build(treeOf({ ...manyFiles(8000), 'dir-050/x.pdf': '' }))
  nodes.nodesRead = 0
  const search = searchFor('.pdf', 'dir-050')
  await search.add(nodes, root, refOf(0))
  expect(summaryOf(search)).toEqual(['dir-050/x.pdf 0: 0 to 0, 1'])
  expect(nodes.nodesRead).toBeLessThan(6)
})

test('a lost node fails the snapshot, and hides no version of another one', async () => {
  const nodes = new StoredNodes()
  const [lost, whole] = [nodes.build(treeOf({ 'a.pdf': '1' })), nodes.build(treeOf({ 'a.pdf': '22' }))]
  nodes.lose(lost)
  const search = searchFor('.pdf')
  await expect(search.add(nodes, lost, refOf(0))).rejects.toMatchObject({ code: 'damaged' })
  await search.add(nodes, whole, refOf(1))
  expect(summaryOf(search)).toEqual(['a.pdf 2: 1 to 1, 1'])
})
