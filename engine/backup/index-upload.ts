// Writes the new part of a snapshot's index: the footers of packs that no reused index chunk covers.
import { release } from '../../core/bytes.ts'
import { sha256 } from '../../core/digest.ts'
import type { ChunkLocation, PackReference } from '../../core/snapshot/manifest.ts'
import { PackBuilder, assertSealed, digestOf } from '../../core/pack/pack.ts'
import { encodeIndex, planIndex } from '../../core/pack/pack-index.ts'
import type { IndexedPack } from '../../core/pack/pack-index.ts'
import type { BackupCache, LastSnapshot } from './backup-cache.ts'
import type { ReusablePack } from './dedup-index.ts'
import type { PackUploader, UploadedPack } from './pack-uploader.ts'

export interface WrittenIndex {
  /** Every pack that the snapshot needs, including the packs of its index. */
  packs: PackReference[]
  locations: ChunkLocation[]
  /** Packs of earlier runs that hold parts of the index. */
  reused: ReusablePack[]
  cachedIndex: LastSnapshot['index']
}

/** @param options.content the packs that hold the snapshot's data and tree. */
export async function uploadIndex(options: {
  source: string
  content: UploadedPack[]
  old: LastSnapshot['index']
  reusable: readonly ReusablePack[]
  cache: BackupCache
  uploader: PackUploader
}): Promise<WrittenIndex> {
  const byHash = new Map(options.reusable.map((pack) => [pack.sha256, pack]))
  const usable = options.old.filter(({ packSha256 }) => byHash.has(packSha256))
  const { keep, write } = planIndex(options.content, usable)
  const keptChunks = usable.filter((chunk) => keep.includes(chunk))
  const written = await writeIndex(options, write)
  const reused = [...new Set(keptChunks.map(({ packSha256 }) => byHash.get(packSha256)!))]
  const indexPacks = new Set(written.map(({ packSha256 }) => packSha256))
  const packs: PackReference[] = [
    ...options.content,
    ...reused,
    ...options.uploader.uploaded.filter((pack) => indexPacks.has(pack.sha256)),
  ].map(({ key, versionId, sha256: hash, bytes }) => ({ key, versionId, sha256: hash, bytes }))
  const numberOf = new Map(packs.map((pack, number) => [pack.sha256, number]))
  const cachedIndex = [...keptChunks, ...written].map((chunk) => ({
    ...chunk,
    location: { ...chunk.location, pack: numberOf.get(chunk.packSha256)! },
  }))
  return { packs, locations: cachedIndex.map(({ location }) => location), reused, cachedIndex }
}

async function writeIndex(
  { source, cache, uploader }: { source: string; cache: BackupCache; uploader: PackUploader },
  groups: readonly IndexedPack[][],
): Promise<LastSnapshot['index']> {
  if (groups.length === 0) return []
  const written: LastSnapshot['index'] = []
  let builder = new PackBuilder(source)
  let pendingGroups: IndexedPack[][] = []
  const seal = (): void => {
    const sealed = builder.seal()
    const footer = assertSealed(sealed, source)
    uploader.add(sealed)
    pendingGroups.forEach((packs, index) => {
      const { offset, storedBytes, rawBytes, codec } = footer.frames[index]!
      const location = {
        sha256: digestOf(footer, index).toString('hex'),
        pack: 0,
        offset,
        storedBytes,
        rawBytes,
        codec,
      }
      written.push({ sha256: location.sha256, packs, location, packSha256: sealed.sha256 })
    })
    builder = new PackBuilder(source)
    pendingGroups = []
  }
  for (const group of groups) {
    if (builder.isFull) seal()
    const packs = group.map((pack) => ({ sha256: pack.sha256, footer: cache.footer(pack.sha256) }))
    const chunk = encodeIndex(packs)
    builder.add(sha256(chunk), chunk, true)
    for (const bytes of [chunk, ...packs.map(({ footer }) => footer)]) release(bytes)
    pendingGroups.push(group)
  }
  seal()
  await uploader.drain(0)
  return written
}
