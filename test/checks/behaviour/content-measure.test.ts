import { expect, test } from 'vitest'
import { measureNewContent } from '../../../checks/behaviour/content-measure.ts'
import type { NewContent } from '../../../checks/behaviour/content-measure.ts'
import { ContentSample } from '../../../checks/behaviour/content-sample.ts'
import { sha256Hex } from '../../../core/digest.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { encodeIndex } from '../../../core/pack/pack-index.ts'
import type { Manifest } from '../../../core/snapshot/manifest.ts'
import { packKey } from '../../../core/store/vault-keys.ts'
import { HandmadeVault, handmadeGeneration } from '../../fixtures/handmade-vault.ts'
import { cipherOf, textOf } from './habitual-source.ts'

async function manifestOf(vault: HandmadeVault, contents: readonly Buffer[]): Promise<Manifest> {
  for (const content of contents) vault.keep(content)
  return vault.manifest(Buffer.alloc(32), [await vault.pack()])
}

function measure(
  vault: HandmadeVault,
  manifest: Manifest,
  sample: ContentSample,
): Promise<NewContent | null> {
  return measureNewContent({ store: vault.store, manifest, newPacks: manifest.packs, sample, day: 1 })
}

/** A sample of a source that has other content. */
function usedSample(): ContentSample {
  const sample = new ContentSample()
  sample.add(Buffer.alloc(32), 0, 0)
  return sample
}

test('new content is counted once, and its part that does not shrink', async () => {
  const vault = new HandmadeVault()
  const manifest = await manifestOf(vault, [textOf('a'), cipherOf('b')])
  const sample = usedSample()
  const bytes = textOf('a').length
  expect(await measure(vault, manifest, sample)).toEqual({ newBytes: 2 * bytes, incompressibleBytes: bytes })
  expect(await measure(vault, manifest, sample)).toEqual({ newBytes: 0, incompressibleBytes: 0 })
})

test('the first content of a source has nothing to be compared with, and is known afterwards', async () => {
  const vault = new HandmadeVault()
  const manifest = await manifestOf(vault, [textOf('a')])
  const sample = new ContentSample()
  expect(await measure(vault, manifest, sample)).toBe(null)
  expect(await measure(vault, manifest, sample)).toEqual({ newBytes: 0, incompressibleBytes: 0 })
})

test('a part of the index that has other bytes leaves the content unknown', async () => {
  const vault = new HandmadeVault()
  const manifest = await manifestOf(vault, [textOf('a')])
  const index = encodeIndex([])
  const location = { pack: 0, offset: 16, storedBytes: index.length, rawBytes: index.length, codec: 0 }
  manifest.index = [{ ...location, sha256: sha256Hex(index) }]
  expect(await measure(vault, manifest, usedSample())).toBe(null)
})

test('a manifest that would cost thousands of requests is not measured', async () => {
  const vault = new HandmadeVault()
  const packs = Array.from({ length: 2001 }, (_, number) => {
    const sha256 = sha256Hex(Buffer.from(`${number}`))
    const key = packKey('files', handmadeGeneration, '01KR5PJ0ZBFTW9W5W4FKB1NGJZ', sha256)
    return { key, versionId: 'v', sha256, bytes: 100 }
  })
  const manifest = vault.manifest(Buffer.alloc(32), packs)
  expect(await measure(vault, manifest, usedSample())).toBe(null)
  expect(vault.store.requests.get).toBe(0)
})

test('a store that fails is no unknown content: the run asks again', async () => {
  const vault = new HandmadeVault()
  const manifest = await manifestOf(vault, [textOf('a')])
  vault.store.getRange = () => Promise.reject(new HoldfastError('unreachable', 'closed'))
  await expect(measure(vault, manifest, usedSample())).rejects.toMatchObject({ code: 'unreachable' })
})
