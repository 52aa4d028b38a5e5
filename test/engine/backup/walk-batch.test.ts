import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeEntry } from '../../../core/tree/tree-entry.ts'
import { decodeSteps, encodeSteps } from '../../../engine/backup/walk-batch.ts'
import type { EntryStats } from '../../../engine/stat-identity.ts'
import { isWalked } from '../../../engine/walk.ts'
import type { Step } from '../../../engine/walk.ts'

const path = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
const u32 = fc.nat(0xffff_ffff)
const count = fc.maxSafeNat()
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

const stats: fc.Arbitrary<EntryStats> = fc.record({
  dev: i64,
  ino: i64,
  nlink: count.map(BigInt),
  size: count.map(BigInt),
  blocks: count.map(BigInt),
  mtimeNs: i64,
  ctimeNs: i64,
  birthtimeNs: i64,
})
const isTrue = fc.constantFrom<{ isMount?: true; hasOtherTime?: true }>(
  {},
  { isMount: true },
  { hasOtherTime: true },
  { isMount: true, hasOtherTime: true },
)
const walked = fc
  .record({
    stats,
    path,
    type: fc.constantFrom(
      'directory',
      'file',
      'symlink',
      'fifo',
      'socket',
      'character-device',
      'block-device',
    ),
    mode: fc.nat(0o7777),
    uid: u32,
    gid: u32,
    rdev: u32,
    sparse: fc.boolean(),
    target: path,
    marks: isTrue,
  } as const)
  .map(({ stats: entryStats, target, marks, ...entry }): Step => ({
    entry: makeEntry({
      ...entry,
      size: entry.type === 'file' ? Number(entryStats.size) : 0,
      mtimeNs: entryStats.mtimeNs,
      linkTarget: target,
    }),
    stats: entryStats,
    absolute:
      entry.path.length === 0 ? Buffer.from('/top') : Buffer.concat([Buffer.from('/top/'), entry.path]),
    ...marks,
  }))
const step = fc.oneof(
  walked,
  fc.record({ rule: fc.string(), path, isContent: fc.boolean() }),
  fc.record({ path, kind: fc.constantFrom('vanished', 'unreadable'), detail: fc.string() } as const),
)

/** Values alone, also of properties that an object computes. */
function plain(value: Step): unknown {
  if (!isWalked(value)) return { ...value, path: value.path.toString('hex') }
  const { entry, absolute, isMount, hasOtherTime } = value
  const { dev, ino, nlink, size, blocks, mtimeNs, ctimeNs, birthtimeNs } = value.stats
  return {
    entry,
    absolute: absolute.toString('hex'),
    isMount,
    hasOtherTime,
    stats: { dev, ino, nlink, size, blocks, mtimeNs, ctimeNs, birthtimeNs },
  }
}

test('the steps of a batch come back as they were, from another thread too', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const batch = encodeSteps(steps)
      const received = structuredClone(batch)
      expect(Array.from(decodeSteps(received, '/top'), plain)).toEqual(steps.map(plain))
    }),
  )
})
