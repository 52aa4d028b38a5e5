// What must hold after every step, whatever happened in it. Readers here meet no faults: what they find is what is there.
import * as fs from 'node:fs'
import { sha256 } from '../../core/digest.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { digestOf, openPack } from '../../core/pack/pack.ts'
import { listSnapshots, loadSnapshot, selectSnapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotRef } from '../../core/snapshot/snapshot.ts'
import type { VerifyResult } from '../../engine/operations.ts'
import { verify } from '../../engine/verify.ts'
import { differences } from './comparison.ts'
import type { Difference } from './comparison.ts'
import { isWithin } from './source-tree.ts'
import { Violation, sourceName } from './world.ts'
import type { Committed, World } from './world.ts'

/** @param all restore every snapshot, not just one that has not been restored since the vault changed. */
export async function checkInvariants(world: World, all: boolean): Promise<void> {
  const { committed, tally } = world
  checkSurroundings(world)
  const promised = committed.filter((snapshot) => world.isPromised(snapshot))
  for (const snapshot of promised) world.assertLocked(snapshot)
  await checkListing(world, promised)
  const stale = promised.filter((snapshot) => snapshot.checkedRevision !== world.vault.revision)
  if (stale.length === 0) return
  const rotating = world.random.pick(stale)
  for (const snapshot of all ? stale : [rotating]) {
    if (world.isSpoiled(snapshot)) await checkDamaged(world, snapshot)
    else await checkWhole(world, snapshot)
    snapshot.checkedRevision = world.vault.revision
  }
  tally.count('check', 'rotating restore', 1)
}

/** Nothing was written outside a target, and no link was followed to there. */
function checkSurroundings(world: World): void {
  if (fs.readFileSync('sentinel', 'utf8') !== 'untouched')
    throw new Violation('a file beside the source was written to')
  const stray = fs.readdirSync('.').filter((name) => !/^(?:source|sentinel|cache-\d|target-\d+)$/.test(name))
  if (stray.length > 0) throw new Violation(`somebody made ${stray.join(', ')}`)
  world.tally.count('check', 'nothing outside the target')
}

/** Every promised snapshot is listed, and the newest that nothing speaks against is what is chosen. */
async function checkListing(world: World, promised: readonly Committed[]): Promise<void> {
  const process = world.startProcess('listing')
  const outcome = await world.run(process, async () => {
    const store = world.connect(process)
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
  for (const snapshot of promised) {
    const ref = refs.find(({ versionId, key }) => versionId === snapshot.versionId && key === snapshot.key)
    if (ref === undefined) throw new Violation(`${snapshot.id} is not listed`)
    if (ref.flags.length > 0) throw new Violation(`${snapshot.id} is flagged: ${ref.flags.join(', ')}`)
    const isHidden = world.vault.versions(snapshot.key).some(({ isDeleteMarker }) => isDeleteMarker)
    if (ref.isHidden !== isHidden)
      throw new Violation(`${snapshot.id} is said to be ${ref.isHidden ? '' : 'not '}hidden`)
  }
  const expected = newestOf(world, null)
  const found = typeof chosen === 'string' ? chosen : chosen.snapshot.id
  if (found !== expected && !isCopy(world, found))
    throw new Violation(`the newest snapshot is ${expected}, and ${found} was chosen`)
  world.tally.count('check', 'listing')
}

/** Whose promise is over may still be there: it counts while its manifest is whole. Several of one second are told apart by who follows whom. */
export function newestOf(world: World, timeMs: number | null): string {
  const readable = world.committed.filter((snapshot) => {
    const version = world.vault.find(snapshot)
    return (
      version !== undefined && version.turned.length === 0 && (timeMs === null || snapshot.timeMs <= timeMs)
    )
  })
  if (readable.length === 0) return 'no-recovery-point'
  const newestMs = Math.max(...readable.map((snapshot) => snapshot.timeMs))
  const second = readable.filter((snapshot) => snapshot.timeMs === newestMs)
  const followed = new Set(
    second.flatMap(({ manifest }) => [
      ...manifest.supersedes,
      ...(manifest.parent === null ? [] : [manifest.parent.id]),
    ]),
  )
  const heads = second.filter(({ id }) => !followed.has(id))
  return heads.length === 1 ? heads[0]!.id : 'ambiguous'
}

/** A manifest whose own version is gone, after its promise, of which a thief has left a copy over it: the same bytes, so the same snapshot. */
export function isCopy(world: World, id: string): boolean {
  const snapshot = world.committed.find((other) => other.id === id)
  return snapshot !== undefined && !world.isPromised(snapshot) && world.vault.find(snapshot) === undefined
}

function refOf(snapshot: Committed, world: World): SnapshotRef {
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

/** Verify calls it whole, and it restores to exactly what the model says. */
async function checkWhole(world: World, snapshot: Committed): Promise<void> {
  const found = await verifyAll(world, snapshot)
  if (typeof found === 'string') throw new Violation(`${snapshot.id} could not be verified: ${found}`)
  if (found.objects.length > 0 || found.files.length > 0)
    throw new Violation(`${snapshot.id} is whole, and verify says: ${JSON.stringify(found)}`)
  const process = world.startProcess('check restore')
  const target = world.newTarget()
  const outcome = await world.restore(process, (store) => loadSnapshot(store, refOf(snapshot, world)), target)
  if (outcome === 'crashed' || 'error' in outcome)
    throw new Violation(
      `${snapshot.id} doesn't restore: ${outcome === 'crashed' ? '' : String(outcome.error)}`,
    )
  const { damaged, problems } = outcome.result
  if (damaged.length + problems.length > 0)
    throw new Violation(
      `${snapshot.id} is whole, and its restore says: ${JSON.stringify({ damaged, problems })}`,
    )
  assertRestored(snapshot, target)
  world.tally.count('check', 'restored byte for byte')
}

/** @param named paths that the restore said it could not bring back. @param anyRootTime it ended before it could set the root's time. */
export function assertRestored(
  snapshot: Committed,
  target: string,
  named: readonly string[] = [],
  anyRootTime = false,
): void {
  const wrong = differences(snapshot.expected, target)
    .filter((difference) => !isExcused(snapshot, difference, target, named))
    .filter(({ path, what }) => !(anyRootTime && path === '' && what.startsWith('it was changed at')))
  fs.rmSync(target, { recursive: true, force: true })
  if (wrong.length > 0)
    throw new Violation(
      `${snapshot.id} came back with differences that nobody named: ${wrong.map(({ path, what }) => `${JSON.stringify(path)}: ${what}`).join('; ')}`,
    )
}

function isExcused(
  snapshot: Committed,
  { path }: Difference,
  target: string,
  named: readonly string[],
): boolean {
  if ([...snapshot.excused, ...named].some((ancestor) => isWithin(path, ancestor))) return true
  // The folder of what could not be brought back has other times where nobody knows what it was.
  const became = snapshot.changed.get(path)
  if (became === undefined || became === null) return false
  return differences(new Map([['', became]]), `${target}/${path}`).length === 0
}

/** Spoiled where it lies: never called whole; exactly what is affected is named, by verify and by a restore; the rest comes back. */
async function checkDamaged(world: World, snapshot: Committed): Promise<void> {
  const found = await verifyAll(world, snapshot)
  if (typeof found !== 'string' && found.objects.length === 0)
    throw new Violation(`${snapshot.id} is damaged, and verify calls it whole`)
  const process = world.startProcess('check damaged')
  const target = world.newTarget()
  const outcome = await world.restore(process, (store) => loadSnapshot(store, refOf(snapshot, world)), target)
  if (outcome === 'crashed') throw new Violation('a check crashed')
  if ('error' in outcome) {
    if (!isHoldfastError(outcome.error, 'damaged', 'unsupported-format'))
      throw new Violation(`${snapshot.id} is damaged, and its restore failed with: ${String(outcome.error)}`)
    if (typeof found !== 'string')
      throw new Violation(
        `${snapshot.id} verifies with ${found.files.length} files lost, and doesn't restore at all: ${outcome.error.message}`,
      )
    world.tally.count('check', 'damage that ends a restore')
    return
  }
  if (typeof found === 'string') throw new Violation(`${snapshot.id} restores, and verify failed: ${found}`)
  const named = textOf(outcome.result.damaged)
  const verified = textOf(found.files)
  if (named.join('\n') !== verified.join('\n'))
    throw new Violation(
      `${snapshot.id}: verify names ${JSON.stringify(verified)}, a restore ${JSON.stringify(named)}`,
    )
  const wrong = differences(snapshot.expected, target)
  for (const path of named) {
    if (!wrong.some((difference) => isWithin(difference.path, path)))
      throw new Violation(`${snapshot.id}: ${JSON.stringify(path)} is named as lost, and is there`)
  }
  const affected = affectedFiles(world, snapshot)
  const beyond = affected === null ? [] : named.filter((path) => !affected.has(path))
  if (beyond.length > 0)
    throw new Violation(
      `${snapshot.id}: ${JSON.stringify(beyond)} are named as lost, and none of their bytes has turned`,
    )
  // What lay in a directory whose list is lost has no parent to be compared with.
  assertRestored(snapshot, target, named)
  world.tally.count('check', named.length === 0 ? 'damage that costs nothing' : 'damage named exactly')
}

function textOf(files: readonly { path: Buffer }[]): string[] {
  return files.map(({ path }) => path.toString('latin1')).sort()
}

/** Files that have a chunk in a frame in which a byte has turned; null if metadata was hit, or the manifest. */
function affectedFiles(world: World, snapshot: Committed): Set<string> | null {
  const digests = new Set<string>()
  if (world.vault.find(snapshot)!.turned.length > 0) return null
  for (const ref of snapshot.manifest.packs) {
    const version = world.vault.find(ref)!
    if (version.turned.length === 0) continue
    const footer = openPack(version.pristine, sourceName, ref.key)
    for (const { offset, storedBytes, firstChunk, chunkCount } of footer.frames) {
      if (!version.turned.some((at) => at >= offset && at < offset + storedBytes)) continue
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
  return hit
}

/** With every byte read back. @returns why it could not be done, if so: the manifest or the tree's root is damaged. */
async function verifyAll(world: World, snapshot: Committed): Promise<VerifyResult | string> {
  const process = world.startProcess('check verify')
  const outcome = await world.run(process, async () => {
    const store = world.connect(process)
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
