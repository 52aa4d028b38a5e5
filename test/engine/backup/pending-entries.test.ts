import { lstatSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeEntry } from '../../../core/tree/tree-entry.ts'
import { PendingEntries, makePendingFile } from '../../../engine/backup/pending-entries.ts'
import type { PendingEntry, PendingFile } from '../../../engine/backup/pending-entries.ts'

const stats = lstatSync(import.meta.filename, { bigint: true })

function pendingFile(missing: number): PendingFile {
  const entry = makeEntry({ path: Buffer.from('f'), type: 'file' })
  return { ...makePendingFile(entry, stats, 0n), missing }
}

function takeAll(pending: PendingEntries): PendingEntry[] {
  const entries: PendingEntry[] = []
  for (let next = pending.takeComplete(); next !== null; next = pending.takeComplete()) entries.push(next)
  return entries
}

test('entries are taken in their order, and none before an incomplete file', () => {
  const pending = new PendingEntries()
  const directory: PendingEntry = {
    kind: 'entry',
    entry: makeEntry({ path: Buffer.alloc(0), type: 'directory' }),
  }
  const file = pendingFile(1)
  const link: PendingEntry = {
    kind: 'link',
    walked: { entry: file.entry, stats, absolute: Buffer.from('/f') },
    first: file,
  }
  for (const entry of [directory, { kind: 'file', file } as const, link]) pending.push(entry)
  expect(takeAll(pending)).toEqual([directory])
  expect(pending.length).toBe(2)
  file.missing = 0
  expect(takeAll(pending)).toEqual([{ kind: 'file', file }, link])
  expect(pending.length).toBe(0)
})

test('the queue does not keep the entries that were taken', () => {
  const pending = new PendingEntries()
  let maxKept = 0
  for (let index = 0; index < 10_000; index++) {
    const file = pendingFile(index % 2)
    pending.push({ kind: 'file', file })
    takeAll(pending)
    file.missing = 0
    maxKept = Math.max(maxKept, (Reflect.get(pending, 'entries') as unknown[]).length)
  }
  expect(maxKept).toBeLessThan(3)
  expect([takeAll(pending).length, Reflect.get(pending, 'entries')]).toEqual([1, []])
})

test('an entry that was taken can be replaced, and the replacement is the first one again', () => {
  const pending = new PendingEntries()
  const [first, second, replacement] = [pendingFile(0), pendingFile(0), pendingFile(1)]
  for (const file of [first, second]) pending.push({ kind: 'file', file })
  expect(pending.takeComplete()).toEqual({ kind: 'file', file: first })
  pending.replaceTaken({ kind: 'file', file: replacement })
  expect([pending.takeComplete(), pending.length]).toEqual([null, 2])
  replacement.missing = 0
  expect(takeAll(pending)).toEqual([
    { kind: 'file', file: replacement },
    { kind: 'file', file: second },
  ])
})
