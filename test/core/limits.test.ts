import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../core/errors.ts'
import * as limits from '../../core/limits.ts'
import type { TreeLimits } from '../../core/limits.ts'
import { ChunkReader } from '../../core/restore-plan/chunk-reader.ts'
import { planRestore } from '../../core/restore-plan/restore-plan.ts'
import { decodeManifest, encodeManifest } from '../../core/snapshot/manifest.ts'
import { packKey } from '../../core/store/vault-keys.ts'
import { foldContent } from '../../core/tree/content-list.ts'
import { PathSelection } from '../../core/tree/path-selection.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import { TreeBuilder } from '../../core/tree/tree.ts'
import { DedupIndex } from '../../engine/backup/dedup-index.ts'
import { PackUploader } from '../../engine/backup/pack-uploader.ts'
import { SnapshotTree } from '../../engine/backup/snapshot-tree.ts'
import { HandmadeVault, handmadeGeneration } from '../fixtures/handmade-vault.ts'
import { ManualClock, randomBytes, seededRandom } from '../fixtures/manual-clock.ts'

const { treeLimits } = limits
/** The error that a writer throws; fails if it throws none. */
function refusalOfWriter(write: () => unknown): { code: string; message: string } {
  try {
    write()
  } catch (error) {
    if (isHoldfastError(error)) return error
    throw error
  }
  throw new Error('it was written')
}

const wide: TreeLimits = { entries: 1e9, extents: 1e9, pathBytes: 1e9, linkGroups: 1e9 }

describe('a tree', () => {
  /** Takes 6 entries, 5 extents, 11 bytes of paths and 2 files with several names. */
  function makeEntries(vault: HandmadeVault): TreeEntry[] {
    const chunk = vault.keep(Buffer.from('x'))
    const many = foldContent(
      { digests: Buffer.concat([chunk, chunk, chunk]), lengths: [1, 1, 1] },
      (_, list) => void vault.keep(list),
    )
    return [
      vault.directory(''),
      vault.file('a', 'one', { linkGroup: 1 }),
      vault.file('b', 'one', { linkGroup: 1 }),
      vault.file('c', 'two', { linkGroup: 2 }),
      vault.directory('dddd'),
      vault.file('many', '', { size: 3, content: many }),
    ]
  }
  const taken: TreeLimits = { entries: 6, extents: 5, pathBytes: 11, linkGroups: 2 }

  /** Writes the entries as a backup does: a further name shares the content of the first one. */
  function writeTree(entries: readonly TreeEntry[], treeLimitsOfWriter: TreeLimits): void {
    const uploader = { add: () => {} } as unknown as PackUploader
    const tree = new SnapshotTree({
      source: 'files',
      dedupIndex: new DedupIndex(),
      uploader,
      limits: treeLimitsOfWriter,
    })
    const groups = new Set<number>()
    for (const entry of entries) {
      const isFirstName = entry.linkGroup === 0 || !groups.has(entry.linkGroup)
      groups.add(entry.linkGroup)
      if (entry.type === 'file' && isFirstName) tree.addFile(entry, entry.content)
      else tree.add(entry)
    }
    tree.finish()
  }

  async function planTree(entries: (vault: HandmadeVault) => TreeEntry[], ofReader: TreeLimits) {
    const vault = new HandmadeVault()
    const { manifest } = await vault.commit(vault.tree(entries(vault)))
    return planRestore(await ChunkReader.open(vault.store, manifest), new PathSelection(), {
      limits: ofReader,
    })
  }

  test.each(Object.keys(treeLimits) as (keyof TreeLimits)[])(
    'counts its %s for a writer as for a reader: each takes it at the limit, and neither takes one more',
    async (name) => {
      const [atLimit, below] = [
        { ...wide, [name]: taken[name] },
        { ...wide, [name]: taken[name] - 1 },
      ]
      writeTree(makeEntries(new HandmadeVault()), atLimit)
      expect((await planTree(makeEntries, atLimit)).files.length).toBe(4)
      const refusal = refusalOfWriter(() => writeTree(makeEntries(new HandmadeVault()), below))
      expect([refusal.code, refusal.message]).toEqual([
        'invalid-input',
        expect.stringContaining('too large for one snapshot'),
      ])
      await expect(planTree(makeEntries, below)).rejects.toSatisfy((error) =>
        isHoldfastError(error, 'damaged'),
      )
    },
  )

  test('with long paths stays as low as a reader allows', () => {
    let height = 0
    const builder = new TreeBuilder((_, node) => {
      if (node.toString('latin1', 0, 6) === 'HFNODE') height = Math.max(height, node[10]!)
      expect(node.length).toBeLessThanOrEqual(limits.maxNodeBytes)
    })
    const vault = new HandmadeVault()
    const directory = Array.from({ length: 85 }, () => 'd'.repeat(199)).join('/')
    builder.add(vault.directory(''))
    // Parents are left out, because a builder doesn't ask for them. A node ends at one path in 512.
    for (let index = 0; index < 8000; index++)
      builder.add(vault.directory(`${directory}/${String(index).padStart(8, '0')}`))
    builder.finish()
    expect(height).toBeGreaterThan(0)
    expect(height).toBeLessThanOrEqual(limits.maxTreeHeight)
  })

  test('has entries that fit into a node, also where the content of a file asks for a cut at each chunk', () => {
    const count = limits.maxContentLists + 1000
    const { lengths, digests } = foldContent(
      { digests: Buffer.alloc(count * 32), lengths: new Array<number>(count).fill(1) },
      () => {},
    )
    expect(lengths.length).toBeLessThanOrEqual(limits.maxContentLists)
    expect(digests.length + lengths.length * 4).toBeLessThan(limits.maxNodeBytes - 2 ** 20)
  })
})

describe('a manifest', () => {
  const hash = 'ab'.repeat(32)
  const id = '01KN35E000B6GR48QH7ECGPZ10'
  const source = 's'.repeat(63)
  const vault = new HandmadeVault(undefined, source)
  const packOf = (versionId: string) => ({
    key: packKey(source, handmadeGeneration, id, hash),
    versionId,
    sha256: hash,
    bytes: limits.maxPackBytes,
  })

  test('that a reader would refuse for its size is refused by the writer', () => {
    const names = randomBytes(39 * 2 ** 20, 4).toString('base64')
    const packs = Array.from({ length: 50_000 }, (_, at) => packOf(names.slice(at * 1024, at * 1024 + 1024)))
    const refusal = refusalOfWriter(() => encodeManifest(vault.manifest(Buffer.alloc(32), packs)))
    expect([refusal.code, refusal.message]).toEqual([
      'invalid-input',
      expect.stringMatching(/too large for one snapshot: its manifest takes \d{8} bytes/),
    ])
  })

  test('that names more packs than a reader takes is refused, before the upload of the pack', async () => {
    const packs = new Array<ReturnType<typeof packOf>>(limits.maxPacks + 1).fill(packOf('v'))
    const refusal = refusalOfWriter(() => encodeManifest(vault.manifest(Buffer.alloc(32), packs)))
    expect(refusal.code).toBe('invalid-input')
    const generation = { name: handmadeGeneration, startMs: 0, lock: null }
    const uploader = new PackUploader(
      { store: vault.store, clock: new ManualClock(), random: seededRandom(1) },
      { source, generation },
      { putPack: () => {} },
    )
    uploader.uploaded.length = limits.maxPacks
    uploader.add({ body: new Uint8Array(4), sha256: hash, footer: new Uint8Array(1) })
    await expect(uploader.drain(0)).rejects.toSatisfy((error) => isHoldfastError(error, 'invalid-input'))
    expect(vault.store.versions).toEqual([])
  })

  test('is read with the fields at their limits', () => {
    const manifest = vault.manifest(Buffer.alloc(32), [packOf('v'.repeat(1024))], {
      retention: {
        promiseDays: limits.maxRetentionDays,
        lock: { mode: 'COMPLIANCE', days: limits.maxRetentionDays },
      },
      supersedes: new Array<string>(limits.maxSuperseded).fill(id),
      problems: new Array<never>(limits.maxManifestProblems).fill({
        kind: 'changed',
        path: 'p'.repeat(8192),
        detail: 'd'.repeat(1024),
      } as never),
    })
    expect(decodeManifest(encodeManifest(manifest), { source, id: manifest.id })).toEqual(manifest)
  })
})

/** Sizes of requests, windows and buffers: none of them refuses anything that a writer makes. */
const sizes = new Set([
  'maxAtOnce',
  'maxBytes',
  'maxHistoriesRead',
  'maxIdleRead',
  'maxPatternBytes',
  'maxTails',
  'maxUnixUs',
  'maxVersions',
  'maxChunkBytes',
  'maxConcurrentRequests',
  'maxGapBytes',
  'maxInlineChunks',
  'maxListChunks',
  'maxLoopBytes',
  'maxListingLagMs',
  'maxLsn',
  'maxPackBufferBytes',
  'maxReadBytes',
  'maxRequestBytes',
  'maxSmallChunks',
  'maxBytesAtOnce',
  'maxListed',
  'maxListedVersions',
  'maxNodeCacheBytes',
  'maxOlder',
  'maxPackTails',
  'maxFeedbackListed',
  'maxFeedbackRead',
  'maxReadPerManifest',
  'maxWalReceiptsRead',
  'maxRejectedListed',
  'maxRenewalDays',
  'maxReadsAtOnce',
  'maxSkippedListed',
  'maxSnapshotsAtOnce',
  'maxSupersededKept',
  'maxSystemId',
  'maxWindowChunks',
  'maxBackupPasses',
  'maxCommitMs',
  'maxFileReads',
  'maxWalks',
])

test('no reader has a limit outside the table', () => {
  const strays = readdirSync('core', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'limits.ts')
    .flatMap((file) => {
      const text = readFileSync(`core/${file}`, 'utf8')
      return [...text.matchAll(/^(?:export )?const (max\w+)\b/gm)]
        .filter(([, name]) => !sizes.has(name!))
        .map(([, name]) => `${file}: ${name}`)
    })
  expect(strays).toEqual([])
})

test('docs/format.md lists each limit', () => {
  const rows = new Map(
    [...readFileSync('docs/format.md', 'utf8').matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm)].map(
      ([, name, value]) => [name!, Number(value!.replaceAll(',', ''))],
    ),
  )
  const { treeLimits: tree, ...others } = limits
  expect(Object.fromEntries(rows)).toEqual({ ...others, ...tree })
})
