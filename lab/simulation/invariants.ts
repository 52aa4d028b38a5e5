// The invariants that must hold after every operation. Readers here meet no faults, so they see the vault's real state.
import * as fs from 'node:fs'
import { sha256 } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { incompleteMark } from '../../core/snapshot/incomplete-mark.ts'
import { digestOf, openPack } from '../../core/pack/pack.ts'
import { listSnapshots, loadSnapshot, selectSnapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot-list.ts'
import type { VerifyResult } from '../../engine/operations.ts'
import { verify } from '../../engine/verify/verify.ts'
import { differences, holdsContent, nodeDifference, readTree } from './comparison.ts'
import type { Difference } from './comparison.ts'
import type { Committed } from './committed-snapshots.ts'
import { isWithin, parentOf, sourceName } from './source-tree.ts'
import { secret } from './disturbances.ts'
import type { TreeNode } from './source-tree.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** Restores one snapshot that was not restored since the vault changed; at the last step all of them. */
export async function checkInvariants(world: World, isLastStep: boolean): Promise<void> {
  const { snapshots, tally } = world
  checkSurroundings(world)
  const guaranteed = snapshots.list.filter((snapshot) => world.snapshots.isGuaranteed(snapshot))
  for (const snapshot of guaranteed) world.snapshots.assertLocked(snapshot)
  await checkListing(world, guaranteed)
  const stale = guaranteed.filter((snapshot) => snapshot.checkedRevision !== world.vault.revision)
  if (stale.length === 0) return
  const rotating = world.random.pick(stale)
  for (const snapshot of isLastStep ? stale : [rotating]) {
    if (world.snapshots.isCorrupt(snapshot)) await checkDamaged(world, snapshot)
    else await checkWhole(world, snapshot)
    snapshot.checkedRevision = world.vault.revision
  }
  tally.count('check', 'rotating restore', 1)
}

/** Nothing was written outside a target, and no link was followed to there. */
function checkSurroundings(world: World): void {
  if (fs.readFileSync('sentinel', 'utf8') !== 'untouched')
    throw new Violation('a process wrote to a file beside the source')
  const stray = fs
    .readdirSync('.')
    .filter((name) => !/^(?:source|sentinel|elsewhere|cache-\d|target-\d+)$/.test(name))
  if (stray.length > 0) throw new Violation(`a process made ${stray.join(', ')}`)
  world.tally.count('check', 'nothing outside the target')
}

/** The engine lists every guaranteed snapshot, and selects the newest readable one. */
async function checkListing(world: World, guaranteed: readonly Committed[]): Promise<void> {
  const process = world.processes.start('listing')
  const outcome = await world.processes.run(process, async () => {
    const store = world.processes.connect(process)
    const refs = await listSnapshots(store, sourceName)
    const chosen = await selectSnapshot(store, refs, null).catch((error: unknown) => {
      if (isHoldfastError(error, 'no-recovery-point', 'ambiguous')) return error.code
      throw error
    })
    return { refs, chosen }
  })
  if (typeof outcome === 'string' || 'error' in outcome)
    throw new Violation('the snapshots could not be listed')
  const { refs, chosen } = outcome.result
  for (const snapshot of guaranteed) {
    const ref = [...refs].find(
      ({ versionId, key }) => versionId === snapshot.versionId && key === snapshot.key,
    )
    if (ref === undefined) throw new Violation(`${snapshot.id} is not listed`)
    if (ref.flags.length > 0) throw new Violation(`${snapshot.id} is flagged: ${ref.flags.join(', ')}`)
    const isHidden = world.vault.versions(snapshot.key).some(({ isDeleteMarker }) => isDeleteMarker)
    if (ref.isHidden !== isHidden)
      throw new Violation(`${snapshot.id} is reported as ${ref.isHidden ? '' : 'not '}hidden`)
  }
  const expected = newestOf(world, null)
  const actual = typeof chosen === 'string' ? chosen : chosen.snapshot.id
  if (actual !== expected && !isCopy(world, actual))
    throw new Violation(`the newest snapshot is ${expected}, and the engine selected ${actual}`)
  world.tally.count('check', 'listing')
}

/**
 * A snapshot after its guaranteed retention counts while its manifest is intact. The parent chain orders snapshots of
 * one second.
 */
export function newestOf(world: World, timeMs: number | null): string {
  const readable = world.snapshots.list.filter((snapshot) => {
    const version = world.vault.find(snapshot)
    return (
      version !== undefined &&
      version.turnedOffsets.length === 0 &&
      (timeMs === null || snapshot.timeMs < endOf(timeMs))
    )
  })
  if (readable.length === 0) return 'no-recovery-point'
  // A time of whole seconds names the whole second, as one moment.
  const momentOf = (snapshot: Committed): number => Math.min(snapshot.timeMs, timeMs ?? Infinity)
  const newestMs = Math.max(...readable.map(momentOf))
  const second = readable.filter((snapshot) => momentOf(snapshot) === newestMs)
  const followed = new Set(
    second.flatMap(({ manifest }) => [
      ...manifest.supersedes,
      ...(manifest.parent === null ? [] : [manifest.parent.id]),
    ]),
  )
  const heads = second.filter(({ id }) => !followed.has(id))
  return heads.length === 1 ? heads[0]!.id : 'ambiguous'
}

function endOf(timeMs: number): number {
  return timeMs % 1000 === 0 ? timeMs + 1000 : timeMs + 1
}

/**
 * An intruder's copy of a manifest that was deleted after its guaranteed retention: the same bytes are the same
 * snapshot. Also a well-formed manifest that lies: without its receipts, the engine takes it.
 */
export function isCopy(world: World, id: string): boolean {
  if (world.snapshots.lies.has(id)) return true
  const snapshot = world.snapshots.list.find((candidate) => candidate.id === id)
  return (
    snapshot !== undefined &&
    !world.snapshots.isGuaranteed(snapshot) &&
    world.vault.find(snapshot) === undefined
  )
}

export function refOf(snapshot: Committed, world: World): SnapshotRef {
  const { id, key, versionId, timeMs } = snapshot
  return {
    id,
    source: sourceName,
    key,
    versionId,
    timeMs,
    bytes: world.vault.find(snapshot)!.body.length,
    isHidden: false,
    flags: [],
  }
}

/** Verify reports no damage, and a restore brings back exactly the expected state. */
async function checkWhole(world: World, snapshot: Committed): Promise<void> {
  const result = await verifyAll(world, snapshot)
  if (typeof result === 'string') throw new Violation(`${snapshot.id} could not be verified: ${result}`)
  if (result.objects.length > 0 || result.files.length > 0)
    throw new Violation(`${snapshot.id} is intact, and verify reports ${JSON.stringify(result)}`)
  const process = world.processes.start('check restore')
  const target = world.newTarget()
  const outcome = await world.restore(process, (store) => loadSnapshot(store, refOf(snapshot, world)), target)
  if (outcome === 'crashed' || 'error' in outcome)
    throw new Violation(
      `${snapshot.id} doesn't restore: ${outcome === 'crashed' ? '' : String(outcome.error)}`,
    )
  const { damaged, problems } = outcome.result
  if (damaged.length + problems.length > 0)
    throw new Violation(
      `${snapshot.id} is intact, and its restore reports ${JSON.stringify({ damaged, problems })}`,
    )
  assertRestored(snapshot, target)
  world.tally.count('check', 'restored byte for byte')
}

/**
 * @param named paths that the restore reported as lost. @param anyRootTime accepts any time of the root, for a
 * restore that ended early.
 */
export function assertRestored(
  snapshot: Committed,
  target: string,
  named: readonly string[] = [],
  anyRootTime = false,
): void {
  const isMarked = fs.existsSync(`${target}/${incompleteMark}`)
  if (isMarked === snapshot.manifest.complete)
    throw new Violation(`${snapshot.id} has complete: ${!isMarked}, and its restore says the opposite`)
  // Also below a path that the manifest excuses.
  const restored = readTree(target)
  if (holdsContent(restored, Buffer.from(secret)))
    throw new Violation(`${snapshot.id} holds a file from outside of the source`)
  const wrong = differences(snapshot.expected, restored)
    .filter((difference) => !isExcused(snapshot, difference, target, named))
    .filter(({ path, problem }) => !(anyRootTime && path === '' && problem.startsWith('it was changed at')))
  fs.rmSync(target, { recursive: true, force: true })
  if (wrong.length > 0)
    throw new Violation(
      `${snapshot.id} came back with unreported differences: ${wrong.map(({ path, problem }) => `${JSON.stringify(path)}: ${problem}`).join('; ')}`,
    )
}

function isExcused(
  snapshot: Committed,
  { path }: Difference,
  target: string,
  named: readonly string[],
): boolean {
  const reported = [...snapshot.excused, ...named]
  if (reported.some((ancestor) => isWithin(path, ancestor))) return true
  if (isUnderOtherName(snapshot, { path, target, reported })) return true
  // An entry that changed during the backup may come back in any new state.
  return (snapshot.changed.get(path) ?? []).some((node) =>
    node === null
      ? isBelowNewLink(snapshot, path, target) || isListedWithout(snapshot, path, target)
      : isAt(node, target, path),
  )
}

/** Another walk has seen the link, and nothing of the directory whose place it has. */
function isBelowNewLink({ changed }: Committed, path: string, target: string): boolean {
  return [...changed].some(([ancestor, nodes]) =>
    nodes.some(
      (node) => node?.kind === 'symlink' && isWithin(path, ancestor) && isAt(node, target, ancestor),
    ),
  )
}

/** Another walk has listed the directory in a new state, and the entry was gone. */
function isListedWithout({ changed }: Committed, path: string, target: string): boolean {
  const parent = parentOf(path)
  return (
    fs.lstatSync(Buffer.from(`${target}/${path}`, 'latin1'), { throwIfNoEntry: false }) === undefined &&
    (changed.get(parent) ?? []).some((node) => node !== null && isAt(node, target, parent))
  )
}

/** An entry that moved during the backup is whole under its old name or one of its new ones, or is named. */
function isUnderOtherName(
  { expected, changed, moved }: Committed,
  { path, target, reported }: { path: string; target: string; reported: readonly string[] },
): boolean {
  return [...moved]
    .filter(([from, names]) => path === from || names.includes(path))
    .some(([from, names]) => {
      const states = [expected.get(from), ...[from, ...names].flatMap((name) => changed.get(name) ?? [])]
      return (path === from ? names : [path]).some(
        (name) =>
          reported.some((ancestor) => isWithin(name, ancestor)) ||
          states.some((node) => node !== undefined && node !== null && isAt(node, target, name)),
      )
    })
}

function isAt(node: Readonly<TreeNode>, target: string, path: string): boolean {
  const absolute = Buffer.from(`${target}/${path}`, 'latin1')
  if (fs.lstatSync(absolute, { throwIfNoEntry: false }) === undefined) return false
  return nodeDifference(node, absolute) === null
}

/**
 * A corrupt snapshot is never reported as intact. Verify and restore name exactly the affected paths; all other paths
 * come back.
 */
async function checkDamaged(world: World, snapshot: Committed): Promise<void> {
  const result = await verifyAll(world, snapshot)
  if (typeof result !== 'string' && result.objects.length === 0)
    throw new Violation(`${snapshot.id} is damaged, and verify reports no damage`)
  const process = world.processes.start('check damaged')
  const target = world.newTarget()
  const outcome = await world.restore(process, (store) => loadSnapshot(store, refOf(snapshot, world)), target)
  if (outcome === 'crashed') throw new Violation('a check crashed')
  if ('error' in outcome) {
    if (!isHoldfastError(outcome.error, 'damaged', 'unsupported-format'))
      throw new Violation(`${snapshot.id} is damaged, and its restore failed with: ${String(outcome.error)}`)
    if (typeof result !== 'string')
      throw new Violation(
        `${snapshot.id} verifies with ${result.files.length} lost files, and doesn't restore at all: ${outcome.error.message}`,
      )
    world.tally.count('check', 'damage that ends a restore')
    return
  }
  if (typeof result === 'string') throw new Violation(`${snapshot.id} restores, and verify failed: ${result}`)
  const named = textOf(outcome.result.damaged)
  const verified = textOf(result.files)
  if (named.join('\n') !== verified.join('\n'))
    throw new Violation(
      `${snapshot.id}: verify names ${JSON.stringify(verified)}, a restore ${JSON.stringify(named)}`,
    )
  const wrong = differences(snapshot.expected, readTree(target))
  for (const path of named) {
    // The snapshot may have an entry under a name to which it moved.
    const names = (old: string): string[] => [old, ...(snapshot.moved.get(old) ?? [])]
    if (!wrong.some((difference) => names(difference.path).some((name) => isWithin(name, path))))
      throw new Violation(`${snapshot.id}: ${JSON.stringify(path)} is reported as lost, and came back`)
  }
  const affected = affectedFiles(world, snapshot)
  const beyond = affected === null ? [] : named.filter((path) => !affected.has(path))
  if (beyond.length > 0)
    throw new Violation(
      `${snapshot.id}: ${JSON.stringify(beyond)} are reported as lost, and none of their bytes has turned`,
    )
  // The entries of a directory whose list is lost have no parent to compare with.
  assertRestored(snapshot, target, named)
  world.tally.count('check', named.length === 0 ? 'damage that costs nothing' : 'damage named exactly')
}

function textOf(files: readonly { path: Buffer }[]): string[] {
  return files.map(({ path }) => path.toString('latin1')).sort()
}

/** Files with a chunk in a frame that has a turned bit; null if the turned bit is in metadata or in the manifest. */
function affectedFiles(world: World, snapshot: Committed): Set<string> | null {
  const digests = new Set<string>()
  if (world.vault.find(snapshot)!.turnedOffsets.length > 0) return null
  for (const ref of snapshot.manifest.packs) {
    const version = world.vault.find(ref)!
    if (version.turnedOffsets.length === 0) continue
    const footer = openPack(version.pristine, sourceName, ref.key)
    for (const { offset, storedBytes, firstChunk, chunkCount } of footer.frames) {
      if (!version.turnedOffsets.some((at) => at >= offset && at < offset + storedBytes)) continue
      for (let chunk = firstChunk; chunk < firstChunk + chunkCount; chunk++)
        digests.add(digestOf(footer, chunk).toString('hex'))
    }
  }
  const small = [...snapshot.expected].filter(
    ([, { kind, bytes }]) => kind === 'file' && bytes.length <= 128 * 1024,
  )
  const hit = new Set(
    small.filter(([, { bytes }]) => digests.has(sha256(bytes).toString('hex'))).map(([path]) => path),
  )
  if (digests.size > 0 && hit.size === 0) return null
  for (const [path, { kind, bytes }] of snapshot.expected)
    if (kind === 'file' && bytes.length > 128 * 1024) hit.add(path)
  for (const path of snapshot.changed.keys()) hit.add(path)
  for (const [from, names] of snapshot.moved) if (hit.has(from)) for (const name of names) hit.add(name)
  return hit
}

/** Verifies every byte. @returns the reason as text if the manifest or the tree's root is damaged. */
async function verifyAll(world: World, snapshot: Committed): Promise<VerifyResult | string> {
  const process = world.processes.start('check verify')
  const outcome = await world.processes.run(process, async () => {
    const store = world.processes.connect(process)
    const loaded = await loadSnapshot(store, refOf(snapshot, world))
    return verify({ store, clock: world.clock, random: world.random.next, snapshot: loaded, readData: true })
  })
  world.tally.count('check', 'verify')
  if (outcome === 'crashed') return 'it crashed'
  if ('result' in outcome) return outcome.result
  if (!isHoldfastError(outcome.error, 'damaged', 'unsupported-format'))
    throw new Violation(`verify failed with ${String(outcome.error)}`)
  return outcome.error.message
}
