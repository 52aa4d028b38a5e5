// Changes between snapshots as text and as records.
import type { TreeChange } from '../../core/browse/tree-comparison.ts'
import { countText, bytesText } from './figures.ts'
import { entryRecord, nameText, sizeText } from './entry-text.ts'

export type ChangeKind = 'added' | 'changed' | 'removed'

const kindWidth = 'removed'.length
const sizesWidth = '999 MB -> 999 MB'.length

function kindOf({ before, after }: TreeChange): ChangeKind {
  if (before === null) return 'added'
  return after === null ? 'removed' : 'changed'
}

export function changeRow(change: TreeChange): string {
  const { before, after, aspects } = change
  const sizes = [before, after].flatMap((entry) => (entry === null ? [] : [sizeText(entry)]))
  const shownSizes = new Set(sizes).size === 1 ? sizes[0]! : sizes.join(' -> ')
  const details = aspects.length === 0 ? '' : ` (${aspects.join(', ')})`
  return `${kindOf(change).padEnd(kindWidth)}  ${shownSizes.padStart(sizesWidth)}  ${nameText((after ?? before)!)}${details}\n`
}

export function changeRecord(change: TreeChange): Record<string, unknown> {
  const { before, after, aspects } = change
  return {
    change: kindOf(change),
    aspects,
    before: before === null ? null : entryRecord(before),
    after: after === null ? null : entryRecord(after),
  }
}

/** How many entries changed, and the bytes of their files. */
export class ChangeCount {
  readonly added = { entries: 0, bytes: 0 }
  readonly changed = { entries: 0, bytes: 0 }
  readonly removed = { entries: 0, bytes: 0 }

  add(change: TreeChange): void {
    const tally = this[kindOf(change)]
    tally.entries++
    tally.bytes += (change.after ?? change.before)!.size
  }

  get isEmpty(): boolean {
    return this.added.entries + this.changed.entries + this.removed.entries === 0
  }

  get text(): string {
    const parts = (['added', 'changed', 'removed'] as const).map((kind) => {
      const { entries, bytes } = this[kind]
      return `${countText(entries)} ${kind}${entries === 0 ? '' : ` (${bytesText(bytes)})`}`
    })
    return parts.join(', ')
  }

  get record(): Record<ChangeKind, { entries: number; bytes: number }> {
    return { added: { ...this.added }, changed: { ...this.changed }, removed: { ...this.removed } }
  }
}
