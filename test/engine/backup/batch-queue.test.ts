import { describe, expect, test } from 'vitest'
import { AssignedBatches, BatchQueue } from '../../../engine/backup/batch-queue.ts'
import type { Batch } from '../../../engine/backup/batch-queue.ts'
import { partBytes } from '../../../engine/backup/source-reader.ts'
import type { ReadItem } from '../../../engine/backup/source-reader.ts'

const identity = { size: 0, mtimeNs: 0n, ctimeNs: 0n, inode: 0n }
const owner = { file: { identity, segments: [], missing: 1 }, segment: 0 }

function item(bytes: number): ReadItem {
  return { path: Buffer.from('/f'), identity, offset: 0, bytes }
}

describe('the batch queue', () => {
  test('has room for files of one part together, and for a larger segment alone', () => {
    const queue = new BatchQueue()
    queue.add(item(partBytes - 1), owner)
    expect([queue.hasRoom(item(1)), queue.hasRoom(item(2))]).toEqual([true, false])
    queue.close()
    expect([queue.length, queue.hasRoom(item(partBytes))]).toEqual([1, true])
    queue.add(item(16 * partBytes), owner)
    expect(queue.hasRoom(item(1))).toBe(false)
  })

  test('has room for 512 files in a batch, however small they are', () => {
    const queue = new BatchQueue()
    for (let index = 0; index < 512; index++) {
      expect(queue.hasRoom(item(1))).toBe(true)
      queue.add(item(1), owner)
    }
    expect(queue.hasRoom(item(1))).toBe(false)
  })

  test('gives batches in their order, and no empty one', () => {
    const queue = new BatchQueue()
    queue.close()
    expect([queue.length, queue.take()]).toEqual([0, undefined])
    for (const bytes of [1, 2]) {
      queue.add(item(bytes), owner)
      queue.close()
    }
    expect([queue.take()?.bytes, queue.take()?.bytes, queue.take()]).toEqual([1, 2, undefined])
  })
})

function fill(assigned: AssignedBatches, batch: Batch): { threads: number[]; numbers: number[] } {
  const filled: { threads: number[]; numbers: number[] } = { threads: [], numbers: [] }
  const findIdlest = (): number | null => assigned.findIdlest(batch, true)
  for (let thread = findIdlest(); thread !== null; thread = findIdlest()) {
    filled.threads.push(thread)
    filled.numbers.push(assigned.assign(batch, thread))
  }
  return filled
}

test('each thread has two batches at most, and the least busy one gets the next', () => {
  const assigned = new AssignedBatches(2)
  const batch: Batch = { items: [], owners: [], bytes: partBytes }
  expect(fill(assigned, batch)).toEqual({ threads: [0, 1, 0, 1], numbers: [0, 1, 2, 3] })
  expect(assigned.length).toBe(4)
  expect(assigned.get(3)).toBe(batch)
  assigned.finish(3, 1)
  expect([assigned.findIdlest(batch, false), assigned.length]).toEqual([1, 3])
})

test('a small batch that no other follows waits for the first thread', () => {
  const small: Batch = { items: [], owners: [], bytes: 1 }
  const manyFiles: Batch = { items: Array.from({ length: 512 }, () => item(1)), owners: [], bytes: 512 }
  const assigned = new AssignedBatches(2)
  for (const thread of [0, 0]) {
    expect(assigned.findIdlest(small, false)).toBe(thread)
    assigned.assign(small, thread)
  }
  expect(assigned.findIdlest(small, false)).toBeNull()
  expect([assigned.findIdlest(small, true), assigned.findIdlest(manyFiles, false)]).toEqual([1, 1])
  assigned.assign(manyFiles, 1)
  expect(assigned.findIdlest(small, false)).toBe(1)
})
