import { chmodSync, closeSync, lstatSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeEntry } from '../../../core/tree/tree-entry.ts'
import { isFinished, setLinkMetadata, setMetadata } from '../../../engine/restore/entry-metadata.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
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
      const metadata = { mode: 0o644, mtimeNs, ...own }
      expect(setMetadata(descriptor, metadata, false)).toEqual([])
      expect(setLinkMetadata(Buffer.from(link), metadata, own)).toEqual([])
      for (const path of [file, link])
        expect(microsecond(lstatSync(path, { bigint: true }).mtimeNs)).toBe(microsecond(mtimeNs))
      const entry = makeEntry({ path: Buffer.from('file'), type: 'file', size: 1, mtimeNs })
      expect(isFinished(entry, Buffer.from(file))).toBe(true)
      expect(isFinished({ ...entry, mtimeNs: mtimeNs + 1000n }, Buffer.from(file))).toBe(false)
      expect(isFinished({ ...entry, size: 2 }, Buffer.from(file))).toBe(false)
      expect(isFinished(entry, Buffer.from(link))).toBe(false)
      expect(isFinished(entry, Buffer.from(join(directory, 'nowhere')))).toBe(false)
    }),
    { numRuns: propertyRuns },
  )
  closeSync(descriptor)
})

test('special bits are set for directories, and for files only if asked for', () => {
  const directory = makeTemporaryDirectory()
  const file = join(directory, 'file')
  writeFileSync(file, 'x')
  const set = (path: string, mode: number, specialBits: boolean): [string[], number] => {
    const descriptor = openSync(path, 'r')
    const problems = setMetadata(descriptor, { mode, mtimeNs: 0n, ...own }, specialBits)
    closeSync(descriptor)
    return [problems, lstatSync(path).mode & 0o7777]
  }
  expect(set(file, 0o6755, false)).toEqual([['setuid and setgid bits are left out unless asked for'], 0o755])
  expect(set(file, 0o6755, true)).toEqual([[], 0o6755])
  expect(set(directory, 0o3770, false)).toEqual([[], 0o3770])
  chmodSync(directory, 0o755)
})

test.runIf(own.uid === 0)('another owner does not cost the special bits', () => {
  const file = join(makeTemporaryDirectory(), 'file')
  writeFileSync(file, 'x', { mode: 0o755 })
  const descriptor = openSync(file, 'r')
  expect(setMetadata(descriptor, { mode: 0o6755, mtimeNs: 0n, uid: 1, gid: 1 }, true)).toEqual([])
  closeSync(descriptor)
  const { mode, uid, gid } = lstatSync(file)
  expect([mode & 0o7777, uid, gid]).toEqual([0o6755, 1, 1])
})
