import { ulid } from 'ulid'
import { expect, test } from 'vitest'
import { listEntries } from '../../../core/browse/directory-listing.ts'
import { TreeChunks } from '../../../core/browse/tree-chunks.ts'
import type { ChunkLocation, Manifest, PackReference } from '../../../core/snapshot/manifest.ts'
import { PackBuilder, verifyPack } from '../../../core/pack/pack.ts'
import { encodeIndex } from '../../../core/pack/pack-index.ts'
import { packKey } from '../../../core/store/vault-keys.ts'
import { HandmadeVault, handmadeGeneration, sha256Of } from '../../fixtures/handmade-vault.ts'
import { randomBytes, seededRandom } from '../../fixtures/manual-clock.ts'

interface World {
  vault: HandmadeVault
  root: Buffer
  /** The nodes of the tree, and data that was packed after them. */
  packs: [nodes: PackReference, data: PackReference]
}

async function makeWorld(): Promise<World> {
  const vault = new HandmadeVault()
  const root = vault.tree([vault.directory(''), vault.directory('uploads'), vault.file('uploads/a', 'one')])
  const nodes = await vault.pack()
  vault.store.nowMs += 60_000
  vault.keep(randomBytes(400_000, 1))
  return { vault, root, packs: [nodes, await vault.pack()] }
}

async function pathsOf(
  vault: HandmadeVault,
  manifest: Manifest,
  chunks = new TreeChunks(vault.store),
): Promise<string[]> {
  const paths: string[] = []
  const root = Buffer.from(manifest.tree.root, 'hex')
  for await (const entries of listEntries(chunks.of(manifest), root, {
    path: Buffer.alloc(0),
    recursive: true,
  }))
    paths.push(...entries.map(({ path }) => path.toString()))
  return paths
}

function lose({ store }: HandmadeVault, pack: PackReference): void {
  store.versions = store.versions.filter(({ versionId }) => versionId !== pack.versionId)
}

const everything = ['uploads', 'uploads/a']

test('the root in the newest pack takes one request', async () => {
  const { vault, root, packs } = await makeWorld()
  vault.store.requests.get = 0
  expect(await pathsOf(vault, vault.manifest(root, [packs[0]]))).toEqual(everything)
  expect(vault.store.requests.get).toBe(1)
})

test('nodes in an older pack are found by its footer, or by the index', async () => {
  const { vault, root, packs } = await makeWorld()
  vault.store.requests.get = 0
  expect(await pathsOf(vault, vault.manifest(root, [...packs]))).toEqual(everything)
  expect(vault.store.requests.get).toBe(3)
  const index = await addIndex(vault, packs, 2)
  const manifest = vault.manifest(root, [...packs, index.pack], { index: [index.location] })
  vault.store.requests.get = 0
  expect(await pathsOf(vault, manifest)).toEqual(everything)
  expect(vault.store.requests.get).toBe(3)
})

test('a lost newest pack, and a lost index, cost requests alone', async () => {
  const { vault, root, packs } = await makeWorld()
  const index = await addIndex(vault, packs, 2)
  const manifest = vault.manifest(root, [...packs, index.pack], { index: [index.location] })
  lose(vault, packs[1])
  lose(vault, index.pack)
  expect(await pathsOf(vault, manifest)).toEqual(everything)
})

test("the snapshot's own pack serves, if an older snapshot's pack with the same nodes is lost", async () => {
  const { vault, root, packs } = await makeWorld()
  const chunks = new TreeChunks(vault.store)
  const older = vault.manifest(root, [packs[0]])
  await chunks.prefetchRoot(older)
  vault.tree([vault.directory(''), vault.directory('uploads'), vault.file('uploads/a', 'one')])
  const copy = await vault.pack()
  lose(vault, packs[0])
  const fresh = new TreeChunks(vault.store)
  expect(await pathsOf(vault, vault.manifest(root, [copy]), fresh)).toEqual(everything)
  expect(await pathsOf(vault, vault.manifest(root, [copy]), chunks)).toEqual(everything)
})

test('a tree without its root is damaged', async () => {
  const { vault, root, packs } = await makeWorld()
  await expect(pathsOf(vault, vault.manifest(root, [packs[1]]))).rejects.toMatchObject({ code: 'damaged' })
  lose(vault, packs[0])
  await expect(pathsOf(vault, vault.manifest(root, [...packs]))).rejects.toMatchObject({ code: 'damaged' })
})

async function addIndex(
  vault: HandmadeVault,
  packs: readonly PackReference[],
  number: number,
): Promise<{ pack: PackReference; location: ChunkLocation }> {
  const footers = packs.map(({ sha256, versionId }) => {
    const { body } = vault.store.versions.find((version) => version.versionId === versionId)!
    const bytes = body.readUInt32LE(body.length - 46)
    return { sha256, footer: Buffer.from(body.subarray(body.length - 46 - bytes, body.length - 46)) }
  })
  const chunk = encodeIndex(footers)
  const builder = new PackBuilder('files')
  builder.add(sha256Of(chunk), chunk, true)
  const sealed = builder.seal()
  const { frames } = verifyPack(Buffer.from(sealed.body), 'files', 'it')
  const { offset, storedBytes, rawBytes, codec } = frames[0]!
  const key = packKey('files', handmadeGeneration, ulid(1, seededRandom(number)), sealed.sha256)
  const { versionId } = await vault.store.putIfAbsent(key, sealed.body, sealed.sha256)
  return {
    pack: { key, versionId, sha256: sealed.sha256, bytes: sealed.body.length },
    location: { sha256: sha256Of(chunk).toString('hex'), pack: number, offset, storedBytes, rawBytes, codec },
  }
}
