import { chmodSync, closeSync, lstatSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeEntry } from '../../../core/tree/tree-entry.ts'
import { fileProgress, setLinkMetadata, setMetadata } from '../../../engine/restore/entry-metadata.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const currentUser = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
/** From 1901 to 2106: what common file systems hold. */
const time = fc.bigInt({ min: -(2n ** 31n) * 1_000_000_000n, max: 2n ** 32n * 1_000_000_000n })
const microsecond = (ns: bigint): bigint => (ns - (((ns % 1000n) + 1000n) % 1000n)) / 1000n

test('times are set to the microsecond, before 1970 too, of files and of links; and a finished file is known by its time', () => {
  const directory = makeTemporaryDirectory()
  const [file, link] = [join(directory, 'file'), join(directory, 'link')]
  writeFileSync(file, 'x')
  symlinkSync('file', link)
  const descriptor = openSync(file, 'r')
  fc.assert(
    fc.property(time, (mtimeNs) => {
      const metadata = { mode: 0o644, mtimeNs, ...currentUser }
      expect(setMetadata(descriptor, metadata, false)).toEqual([])
      expect(setLinkMetadata(Buffer.from(link), metadata, currentUser)).toEqual([])
      for (const path of [file, link])
        expect(microsecond(lstatSync(path, { bigint: true }).mtimeNs)).toBe(microsecond(mtimeNs))
      const entry = makeEntry({ path: Buffer.from('file'), type: 'file', size: 1, mtimeNs })
      expect(fileProgress(entry, Buffer.from(file))).toBe('finished')
      expect(fileProgress({ ...entry, mtimeNs: mtimeNs + 1000n }, Buffer.from(file))).toBe('begun')
      expect(fileProgress({ ...entry, size: 2 }, Buffer.from(file))).toBe('begun')
      expect(fileProgress(entry, Buffer.from(link))).toBe('begun')
      expect(fileProgress(entry, Buffer.from(join(directory, 'nowhere')))).toBe('absent')
    }),
    { numRuns: propertyRuns },
  )
  closeSync(descriptor)
})

test('whole seconds come back exactly, and other times with less than a microsecond too much', () => {
  const file = join(makeTemporaryDirectory(), 'file')
  writeFileSync(file, 'x')
  const descriptor = openSync(file, 'r')
  const restored = (mtimeNs: bigint): bigint => {
    expect(setMetadata(descriptor, { mode: 0o644, mtimeNs, ...currentUser }, false)).toEqual([])
    return lstatSync(file, { bigint: true }).mtimeNs
  }
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 32n }), (seconds) => {
      expect(restored(seconds * 1_000_000_000n)).toBe(seconds * 1_000_000_000n)
    }),
    { numRuns: propertyRuns },
  )
  expect(restored(1_700_000_000_500_000_000n)).toBe(1_700_000_000_500_000_000n)
  closeSync(descriptor)
})

test('special bits are set for directories, and for files only if asked for', () => {
  const directory = makeTemporaryDirectory()
  const file = join(directory, 'file')
  writeFileSync(file, 'x')
  const set = (path: string, mode: number, specialBits: boolean): [string[], number] => {
    const descriptor = openSync(path, 'r')
    const problems = setMetadata(descriptor, { mode, mtimeNs: 0n, ...currentUser }, specialBits)
    closeSync(descriptor)
    return [problems, lstatSync(path).mode & 0o7777]
  }
  expect(set(file, 0o6755, false)).toEqual([['setuid and setgid bits are left out unless asked for'], 0o755])
  expect(set(file, 0o6755, true)).toEqual([[], 0o6755])
  expect(set(directory, 0o3770, false)).toEqual([[], 0o3770])
  chmodSync(directory, 0o755)
})

test.runIf(currentUser.uid === 0)('another owner does not cost the special bits', () => {
  const file = join(makeTemporaryDirectory(), 'file')
  writeFileSync(file, 'x', { mode: 0o755 })
  const descriptor = openSync(file, 'r')
  expect(setMetadata(descriptor, { mode: 0o6755, mtimeNs: 0n, uid: 1, gid: 1 }, true)).toEqual([])
  closeSync(descriptor)
  const { mode, uid, gid } = lstatSync(file)
  expect([mode & 0o7777, uid, gid]).toEqual([0o6755, 1, 1])
})
