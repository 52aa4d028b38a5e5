// One bit turned in each byte of each object of a small vault, one byte at a time: it is always noticed, what
// it costs is named alike by verify and by restore, and everything else comes back.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import { listSnapshots, loadSnapshot, selectSnapshot } from '../../../core/snapshot/snapshot.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import type { StoredVersion } from '../../fixtures/memory-store.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** Three files that share a frame, a second pack with one more, and the snapshot of before. */
async function makeVault(): Promise<{
  source: ProtectedSource
  snapshot: Snapshot
  older: string
  data: string[]
}> {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'd'))
  for (const name of ['d/a', 'd/b', 'c'])
    writeFileSync(join(source.directory, name), `the content of ${name}`)
  symlinkSync('d/a', join(source.directory, 'link'))
  await source.backup({ workers: 0 })
  const older = (await source.snapshot()).id
  source.store.nowMs += 60_000
  writeFileSync(join(source.directory, 'e'), randomBytes(200, 1))
  await source.backup({ workers: 0 })
  const snapshot = await source.snapshot()
  const data = snapshot.manifest.packs.map(({ key }) => key)
  return { source, snapshot, older, data }
}

/** The cost of each byte of an object: `nothing`, the files, or the snapshot. */
type Costs = Map<string, number>

test('of a pack: verify and restore name the same files, or that the tree is lost; the rest comes back; the older snapshot that needs none of it is whole', async () => {
  const { source, snapshot, data } = await makeVault()
  const expected = describeDirectory(source.directory)
  const costs: Costs = new Map()
  let offsets = 0
  for (const key of data) {
    const version = source.store.versions.find((stored) => stored.key === key)!
    const good = version.body
    for (let offset = 0; offset < good.length; offset++) {
      version.body = flip(good, offset, 1 << (offset % 8))
      const at = `${key.slice(-64, -56)} of ${good.length} bytes at ${offset}`
      const cost = await costOf(source, snapshot, { version: version, at: at }, expected)
      costs.set(cost, (costs.get(cost) ?? 0) + 1)
      offsets++
    }
    version.body = good
  }
  process.stdout.write(
    `${offsets} bytes of ${data.length} packs: ${[...costs].map(([cost, bytes]) => `${bytes} cost ${cost}`).join(', ')}\n`,
  )
  expect(offsets).toBe(
    data.reduce(
      (sum, key) => sum + source.store.versions.find((stored) => stored.key === key)!.body.length,
      0,
    ),
  )
  // A frame costs what shares it; where it is stored raw, only what the byte belongs to.
  const kinds = [...costs.keys()]
  expect(
    kinds.filter((cost) => !/^(?:nothing|the snapshot|e|(?:c|d\/a|d\/b)(?:, (?:d\/a|d\/b))*)$/.test(cost)),
  ).toEqual([])
  for (const cost of ['nothing', 'the snapshot', 'e', 'c, d/a, d/b']) expect(kinds).toContain(cost)
  expect(await costOf(source, snapshot, { version: null, at: 'the end' }, expected)).toBe('nothing')
})

/** @param damage the damaged version, null without damage; and its description. */
async function costOf(
  source: ProtectedSource,
  snapshot: Snapshot,
  { version, at }: { version: StoredVersion | null; at: string },
  expected: Record<string, unknown>,
): Promise<string> {
  const verified = await source.verify(true, snapshot).catch(damageOnly)
  const restored = await source.restore({ snapshot, workers: 0 }).catch(damageOnly)
  if (verified === null || restored === null) {
    expect([verified, restored], at).toEqual([null, null])
    return 'the snapshot'
  }
  expect(
    verified.objects.map(({ key }) => key),
    at,
  ).toEqual(version === null ? [] : [version.key])
  const named = restored.damaged.map(({ path }) => path.toString())
  expect(
    verified.files.map(({ path }) => path.toString()),
    at,
  ).toEqual(named)
  const described = describeDirectory(restored.target)
  rmSync(restored.target, { recursive: true })
  const undamaged = Object.fromEntries(Object.entries(expected).filter(([name]) => !named.includes(name)))
  expect(described, at).toEqual(undamaged)
  return named.length === 0 ? 'nothing' : named.sort().join(', ')
}

function damageOnly(error: unknown): null {
  if (!isHoldfastError(error, 'damaged')) throw error
  return null
}

test('of a manifest, any bit of any byte: it is refused by name, and the snapshot before it is the one that is chosen', async () => {
  const { source, snapshot, older } = await makeVault()
  const version = source.store.versions.find(({ key }) => key === snapshot.key)!
  const good = version.body
  const refs = await listSnapshots(source.store, 'files')
  const ref = [...refs].find(({ id }) => id === snapshot.id)!
  const unnoticed: string[] = []
  for (let offset = 0; offset < good.length; offset++) {
    for (let bit = 0; bit < 8; bit++) {
      version.body = flip(good, offset, 1 << bit)
      await loadSnapshot(source.store, ref)
        .then(() => unnoticed.push(`${offset}.${bit}`))
        .catch((error: unknown) => {
          if (!isHoldfastError(error, 'damaged', 'unsupported-format')) throw error
          expect(error.message).toContain(snapshot.id)
        })
    }
    version.body = flip(good, offset, 1 << (offset % 8))
    const { snapshot: chosen, skipped } = await selectSnapshot(source.store, refs, null)
    expect([chosen.id, skipped.map(({ ref: { id } }) => id)]).toEqual([older, [snapshot.id]])
  }
  expect(unnoticed).toEqual([])
})
