// How much content of a snapshot is new, and how much of that does not shrink: from the footers of its new packs, and
// from no byte of the content itself. Encrypted, and well compressed, content does not shrink.
import { isHoldfastError, objectFailures } from '../../core/errors.ts'
import { digestBytes } from '../../core/digest.ts'
import { codec } from '../../core/pack/pack-footer.ts'
import type { Frame, PackFooter } from '../../core/pack/pack-footer.ts'
import { forEachConcurrently } from '../../core/restore-plan/chunk-fetch.ts'
import { readFooter, readIndexPart } from '../../core/restore-plan/chunk-reader.ts'
import type { Manifest, PackReference } from '../../core/snapshot/manifest.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { rereadDamaged } from '../../core/retry.ts'
import type { ContentSample } from './content-sample.ts'

const maxConcurrentReads = 8
/** A writer's index names thousands of packs a part. Only a hostile manifest needs more reads. */
const maxReads = 2000
/** zstd shrinks text and tables to a half, and random bytes not at all. */
const incompressibleShare = 0.95

export interface NewContent {
  newBytes: number
  incompressibleBytes: number
}

export interface ContentMeasureOptions {
  store: ObjectStore
  manifest: Manifest
  /** The packs that no earlier snapshot named. */
  newPacks: readonly PackReference[]
  /** Gets the content of the packs. */
  sample: ContentSample
  /** The day on which the snapshot was committed, since 1970. */
  day: number
}

/**
 * The content that no earlier snapshot had. Null if the footers can't be read, or if there is no earlier content to
 * compare with.
 * @throws as the store, except for objects that are lost or damaged.
 */
export async function measureNewContent(options: ContentMeasureOptions): Promise<NewContent | null> {
  const { store, manifest, newPacks, sample } = options
  const isFirst = sample.isEmpty
  const packs = new Map((isFirst ? manifest.packs : newPacks).map((pack) => [pack.sha256, pack]))
  const content: NewContent = { newBytes: 0, incompressibleBytes: 0 }
  const add = (footer: PackFooter): void => addContent(content, footer, options)
  const parts = manifest.index.filter((part) => packs.has(manifest.packs[part.pack]!.sha256))
  if (parts.length > maxReads) return null
  try {
    await forEachConcurrently(parts, maxConcurrentReads, async (part) => {
      for (const { sha256, footer } of await readIndexPart(store, manifest, part))
        if (packs.delete(sha256)) add(footer())
    })
    // A pack of the index holds nothing else.
    for (const part of manifest.index) packs.delete(manifest.packs[part.pack]!.sha256)
    if (packs.size > maxReads) return null
    await forEachConcurrently([...packs.values()], maxConcurrentReads, async (pack) => {
      add(await rereadDamaged(() => readFooter(store, pack, manifest.source)))
    })
  } catch (error) {
    if (!isHoldfastError(error, ...objectFailures)) throw error
    return null
  }
  return isFirst ? null : content
}

function addContent(
  content: NewContent,
  { frames, lengths, digests }: PackFooter,
  { sample, day }: ContentMeasureOptions,
): void {
  for (const frame of frames) {
    const isIncompressible = isRaw(frame)
    for (let chunk = frame.firstChunk; chunk < frame.firstChunk + frame.chunkCount; chunk++) {
      const newBytes = lengths[chunk]! * sample.add(digests, chunk * digestBytes, day)
      content.newBytes += newBytes
      if (isIncompressible) content.incompressibleBytes += newBytes
    }
  }
}

function isRaw({ codec: frameCodec, storedBytes, rawBytes }: Frame): boolean {
  return frameCodec === codec.raw || storedBytes >= rawBytes * incompressibleShare
}
