// The changes that users make to the source while a backup reads it: a file changes or vanishes, an entry moves out
// of the way of the walk, a link takes the place of a directory.
import type { WorldClock } from './clocks.ts'
import type { FaultKind } from './host-process.ts'
import type { Seeded } from './random.ts'
import { isWithin, parentOf } from './source-tree.ts'
import type { SourceTree, TreeNode } from './source-tree.ts'

/** The content of a file outside of the source, which no snapshot may hold. */
export const secret = 'a secret from elsewhere'

type States = Map<string, (TreeNode | null)[]>

interface Disturbance {
  kind: FaultKind
  /** The file that the engine is about to read, or the directory that it is about to list. */
  absolute: Buffer
  changed: States
  moved: Map<string, string[]>
}

export function disturb(
  { tree, random, clock }: { tree: SourceTree; random: Seeded; clock: WorldClock },
  { kind, absolute, changed, moved }: Disturbance,
): void {
  // A new entry shows that it was made after the start of the backup.
  clock.pass(20)
  const path = absolute.toString('latin1').slice(tree.root.length + 1)
  const node = tree.nodes.get(path)
  if (node === undefined) return
  if (kind === 'entry moves') moveOutOfTheWay({ tree, random }, path, { changed, moved })
  else if (kind === 'directory becomes a link') becomeLink(tree, path, changed)
  else if (kind === 'file vanishes') {
    tree.remove(path)
    addState(changed, path, null)
    addState(changed, parentOf(path), tree.nodes.get(parentOf(path))!)
  } else {
    tree.write(path, Buffer.concat([node.bytes, Buffer.from('more')]))
    for (const [linkPath, linked] of tree.nodes) if (linked === node) addState(changed, linkPath, node)
  }
}

function addState(states: States, path: string, node: TreeNode | null): void {
  states.set(path, [...(states.get(path) ?? []), node === null ? null : { ...node }])
}

/** An entry that the walk has not visited moves to a directory that it has listed. */
function moveOutOfTheWay(
  { tree, random }: { tree: SourceTree; random: Seeded },
  next: string,
  { changed, moved }: Pick<Disturbance, 'changed' | 'moved'>,
): void {
  const order = (path: string): string => path.replaceAll('/', '\0')
  const listed = tree.paths('directory').filter((path) => order(path) < order(next))
  const unvisited = [...tree.nodes.keys()].filter(
    (path) =>
      path !== '' &&
      order(path) > order(next) &&
      !moved.has(path) &&
      ![...moved.values()].flat().includes(path),
  )
  if (listed.length === 0 || unvisited.length === 0) return
  const from = random.pick(unvisited)
  const directory = random.pick(listed)
  const to = `${directory === '' ? '' : `${directory}/`}moved-${moved.size}`
  if (isWithin(to, from) || tree.nodes.has(to)) return
  for (const path of tree.below(from)) noteMove(moved, path, to + path.slice(from.length))
  tree.rename(from, to)
  for (const parent of [parentOf(from), parentOf(to)]) addState(changed, parent, tree.nodes.get(parent)!)
}

/** An entry that moved already, in a directory that moves now, gets one more name. */
function noteMove(moved: Map<string, string[]>, path: string, to: string): void {
  const names = [...moved.values()].find((candidate) => candidate.at(-1) === path)
  if (names === undefined) moved.set(path, [to])
  else names.push(to)
}

function becomeLink(tree: SourceTree, path: string, changed: States): void {
  if (path === '') return
  for (const descendant of tree.below(path)) addState(changed, descendant, null)
  tree.remove(path)
  tree.addSymlink(path, Buffer.from(`${'../'.repeat(path.split('/').length)}elsewhere`))
  for (const replaced of [path, parentOf(path)]) addState(changed, replaced, tree.nodes.get(replaced)!)
}
