// Serves reads from the ends of packs that were fetched for their footers: a small pack is in memory as a whole.
import type { PackReference } from '../snapshot/manifest.ts'
import type { ObjectRef, ObjectStore } from '../store/object-store.ts'

const maxPackTails = 32

interface Tail {
  offset: number
  bytes: Buffer
}

export class PackTails {
  private readonly store: Pick<ObjectStore, 'getRange'>
  private readonly tails = new Map<string, Tail>()

  constructor(store: Pick<ObjectStore, 'getRange'>) {
    this.store = store
  }

  keep({ key, versionId }: PackReference, { offset, bytes }: Tail): void {
    this.tails.set(nameOf({ key, versionId }), { offset, bytes })
    const [oldest] = this.tails.keys()
    if (this.tails.size > maxPackTails) this.tails.delete(oldest!)
  }

  getRange(ref: ObjectRef, offset: number, bytes: number): Promise<Uint8Array> {
    const tail = this.tails.get(nameOf(ref))
    if (tail === undefined || offset < tail.offset) return this.store.getRange(ref, offset, bytes)
    return Promise.resolve(tail.bytes.subarray(offset - tail.offset, offset - tail.offset + bytes))
  }
}

function nameOf({ key, versionId }: ObjectRef): string {
  return `${key} ${versionId}`
}
