import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareTrees } from '../../../core/browse/tree-comparison.ts'
import type { TreeChange } from '../../../core/browse/tree-comparison.ts'
import { selectPaths } from '../../../core/tree/tree.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { manyFiles, StoredNodes, treeOf } from '../../fixtures/stored-nodes.ts'

async function changesBetween(
  nodes: StoredNodes,
  [before, after]: readonly [Buffer, Buffer],
  path?: string,
): Promise<TreeChange[]> {
  const changes: TreeChange[] = []
  const selection = path === undefined ? null : selectPaths([Buffer.from(path)])
  for await (const change of compareTrees(
    { chunks: nodes, root: before },
    { chunks: nodes, root: after },
    selection,
  ))
    changes.push(change)
  return changes
}

function textOf({ path, before, after, aspects }: TreeChange): string {
  const sign = before === null ? '+' : after === null ? '-' : `~${aspects.join(',')}`
  return `${sign} ${path.toString('latin1')}`
}

describe('two trees', () => {
  test('have the differences that a comparison of their lists finds', async () => {
    const names = fc.constantFrom('a', 'b', 'a/b', 'a/c', 'a.txt', 'b/x/y', 'c/1', 'c/2', 'c/3')
    const files = fc.dictionary(names, fc.constantFrom('one', 'two', ''))
    await fc.assert(
      fc.asyncProperty(files, files, fc.nat(900), async (some, others, filler) => {
        const nodes = new StoredNodes()
        const shared = manyFiles(filler)
        // A name can't be a file in one tree and a directory in the same.
        const lists = [some, others].map((content) => treeOf({ ...shared, ...withoutParents(content) })) as [
          ReturnType<typeof treeOf>,
          ReturnType<typeof treeOf>,
        ]
        const roots = [nodes.build(lists[0]), nodes.build(lists[1])] as const
        const changed = await changesBetween(nodes, roots)
        expect(changed.map(textOf).sort()).toEqual(naiveDifference(...lists).sort())
      }),
      { numRuns: Math.min(propertyRuns, 40) },
    )
  })

  test('that differ in one file of many are compared with few reads', async () => {
    const nodes = new StoredNodes()
    const files = manyFiles(8000)
    const before = nodes.build(treeOf(files))
    const after = nodes.build(
      treeOf({ ...files, 'dir-050/file-0000050.txt': 'other bytes', 'dir-050/new': '' }),
    )
    nodes.nodesRead = 0
    const changes = await changesBetween(nodes, [before, after])
    expect(changes.map(textOf)).toEqual(['~content dir-050/file-0000050.txt', '+ dir-050/new'])
    expect(nodes.nodesRead).toBeLessThanOrEqual(6)
    expect(nodes.size).toBeGreaterThan(10)
    nodes.nodesRead = 0
    expect(await changesBetween(nodes, [before, before])).toEqual([])
    expect(nodes.nodesRead).toBe(0)
    expect((await changesBetween(nodes, [before, after], 'dir-051')).map(textOf)).toEqual([])
  })

  test('differ in type, target, mode, owner and time too', async () => {
    const nodes = new StoredNodes()
    const before = treeOf({ a: '1', b: '1', c: '1', d: '1' })
    const after = before.map((entry) => ({ ...entry }))
    Object.assign(after[1]!, { mode: 0o600 })
    Object.assign(after[2]!, { uid: 7, mtimeNs: 5n })
    Object.assign(after[3]!, { type: 'symlink', size: 0, linkTarget: Buffer.from('x') })
    const changes = await changesBetween(nodes, [nodes.build(before), nodes.build(after)])
    expect(changes.map(textOf)).toEqual(['~mode a', '~owner,time b', '~type,content,target c'])
  })

  test('of which a node is lost are refused', async () => {
    const nodes = new StoredNodes()
    const [before, after] = [nodes.build(treeOf({ a: '1' })), nodes.build(treeOf({ a: '2' }))]
    nodes.lose(after)
    await expect(changesBetween(nodes, [before, after])).rejects.toMatchObject({ code: 'damaged' })
  })
})

function withoutParents(files: Record<string, string>): Record<string, string> {
  const paths = Object.keys(files)
  return Object.fromEntries(
    Object.entries(files).filter(([path]) => !paths.some((longer) => longer.startsWith(`${path}/`))),
  )
}

function naiveDifference(before: ReturnType<typeof treeOf>, after: ReturnType<typeof treeOf>): string[] {
  const [first, second] = [before, after].map(
    (entries) => new Map(entries.map((entry) => [entry.path.toString('latin1'), entry])),
  )
  return [...new Set([...first!.keys(), ...second!.keys()])].flatMap((path) => {
    const [a, b] = [first!.get(path), second!.get(path)]
    if (a === undefined) return [`+ ${path}`]
    if (b === undefined) return [`- ${path}`]
    const aspects = [
      ...(a.type === b.type ? [] : ['type']),
      ...(a.content.digests.equals(b.content.digests) ? [] : ['content']),
      ...(a.mode === b.mode ? [] : ['mode']),
    ]
    return aspects.length === 0 ? [] : [`~${aspects.join(',')} ${path}`]
  })
}
