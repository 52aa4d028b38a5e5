// A source with habits: 200 files, of which one changes each day, and a writer that uploads only what is new.
import { createHash } from 'node:crypto'
import type { Manifest, PackReference } from '../../../core/snapshot/manifest.ts'
import { dayMs } from '../../../core/snapshot/retention.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import type { TreeEntry } from '../../../core/tree/tree-entry.ts'
import { CheckedSource } from '../checks/source-checks.ts'

const fileBytes = 64 * 1024

/** Bytes that shrink to a fraction. */
export function textOf(seed: string): Buffer {
  return Buffer.alloc(fileBytes, `${createHash('sha256').update(seed).digest('hex')}, and so on. `)
}

/** Bytes that don't shrink, as encrypted ones. */
export function cipherOf(seed: string): Buffer {
  const blocks = Array.from({ length: fileBytes / 64 }, (_, block) =>
    createHash('sha512').update(`${seed} ${block}`).digest(),
  )
  return Buffer.concat(blocks)
}

export class HabitualSource extends CheckedSource {
  readonly files = new Map<string, Buffer>()
  /** Entries by name: most contents stay between snapshots. */
  private readonly entries = new Map<string, { content: Buffer; entry: TreeEntry }>()
  private readonly packs = new Map<string, PackReference>()
  private parent: Snapshot | null = null
  private changes = 0

  constructor() {
    super()
    for (let file = 100; file < 300; file++) this.files.set(`file-${file}`, textOf(`${file}`))
  }

  /** Days on which one file changes. */
  async usualDays(count: number): Promise<void> {
    for (let day = 0; day < count; day++) {
      this.pass(dayMs)
      this.change(1, textOf)
      await this.commit()
    }
  }

  /** Replaces the content of the next files. */
  change(count: number, content: (seed: string) => Buffer): void {
    const names = [...this.files.keys()]
    for (let index = 0; index < count; index++) {
      const change = this.changes++
      this.files.set(names[change % names.length]!, content(`change ${change}`))
    }
  }

  async commit(overrides: Partial<Manifest> = {}): Promise<Snapshot> {
    const { vault, packs, parent } = this
    const entries = [...this.files].map(([name, content]) => this.entryOf(name, content))
    const root = vault.tree([vault.directory(''), ...entries])
    const newDigests = [...vault.chunks.keys()].filter((digest) => !packs.has(digest))
    for (const digest of packs.keys()) vault.chunks.delete(digest)
    const pack = vault.chunks.size === 0 ? null : await vault.pack()
    for (const digest of newDigests) packs.set(digest, pack!)
    const digests = entries
      .map(({ content }) => content.digests.toString('hex'))
      .filter((digest) => digest !== '')
    const neededPacks = new Set([root.toString('hex'), ...digests].map((digest) => packs.get(digest)!))
    const bytes = entries.reduce((sum, { size }) => sum + size, 0)
    const manifest = vault.manifest(root, [...neededPacks], {
      parent: parent === null ? null : { id: parent.id, sha256: parent.sha256 },
      tree: { root: root.toString('hex'), entries: entries.length + 1, files: entries.length, bytes },
      ...overrides,
    })
    this.parent = await vault.commitManifest(manifest)
    return this.parent
  }

  private entryOf(name: string, content: Buffer): TreeEntry {
    const earlier = this.entries.get(name)
    if (earlier?.content === content) return earlier.entry
    const entry = this.vault.file(name, content)
    this.entries.set(name, { content, entry })
    return entry
  }

  /** The next snapshot uploads everything again, as into a new generation. */
  forgetPacks(): void {
    this.packs.clear()
    this.entries.clear()
  }
}
