// A snapshot that a thief of a writer's session forges: its manifest is well formed, claims as many files as the good
// one, and names a pack of noise. Only a reader of the pack notices.
import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { sha256Hex } from '../../../core/digest.ts'
import { encodeManifest } from '../../../core/snapshot/manifest.ts'
import type { Manifest } from '../../../core/snapshot/manifest.ts'
import { currentGeneration } from '../../../core/snapshot/retention.ts'
import type { Lock } from '../../../core/snapshot/retention.ts'
import { manifestKey, packKey } from '../../../core/store/vault-keys.ts'
import { writerRoleName } from '../../../guardrails/names.ts'
import type { NightVault } from './night-vault.ts'

export interface ForgedContent {
  source: string
  files: number
  bytes: number
  lock: Lock
  promiseDays: number
}

/** Uploads the pack and the manifest with the writer's session. Returns why it failed, or null. */
export async function forgeSnapshot(vault: NightVault, content: ForgedContent): Promise<string | null> {
  const { source, lock, promiseDays } = content
  const generation = currentGeneration(null, lock, promiseDays, vault.nowMs).name
  const writer = writerRoleName(source)
  const noise = randomBytes(1000)
  const key = packKey(source, generation, ulid(vault.nowMs), sha256Hex(noise))
  const { versionId, refusal } = await vault.upload(writer, key, noise)
  if (versionId === null) return refusal
  const pack = { key, versionId, sha256: sha256Hex(noise), bytes: noise.length }
  const manifest = forgedManifest(content, { pack, generation, id: ulid(vault.nowMs) })
  return (await vault.upload(writer, manifestKey(source, manifest.id), encodeManifest(manifest))).refusal
}

function forgedManifest(
  { source, files, bytes, lock, promiseDays }: ForgedContent,
  { pack, generation, id }: { pack: Manifest['packs'][number]; generation: string; id: string },
): Manifest {
  return {
    kind: 'manifest',
    source,
    sourceKind: 'postgres',
    id,
    parent: null,
    supersedes: [],
    generation,
    retention: { promiseDays, lock },
    complete: true,
    tree: { root: pack.sha256, entries: files + 1, files, bytes },
    packs: [pack],
    index: [],
    problems: [],
    problemCount: 0,
    client: { version: '0', host: 'production', root: '/', startedMs: 0, finishedMs: 0 },
  }
}
