import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HiddenSizes } from '../../../engine/backup/hidden-sizes.ts'
import { SegmentReader, bufferBytes, segmentBytes } from '../../../engine/backup/source-reader.ts'
import { statIdentityOf } from '../../../engine/stat-identity.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

vi.mock(import('node:fs'), { spy: true })

const procfs = '/proc/sys/kernel/random'

test.runIf(existsSync(procfs))(
  'a file that shows a size of 0 and has content is stored with its content',
  async () => {
    expect(statSync(join(procfs, 'boot_id')).size).toBe(0)
    const source = new ProtectedSource()
    for (let run = 0; run < 2; run++) {
      const result = await source.backup({ directory: procfs })
      expect([result.complete, result.problems]).toEqual([true, []])
      expect(result.bytes).toBeGreaterThan(0)
      const { target } = await source.restore()
      expect(readFileSync(join(target, 'boot_id'), 'utf8')).toBe(
        readFileSync(join(procfs, 'boot_id'), 'utf8'),
      )
    }
  },
)

test('an empty file on an ordinary file system is not opened, which is asked once for each device', async () => {
  const source = new ProtectedSource()
  for (const name of ['a', 'b', 'c']) write(source, name, '')
  const statfs = vi.mocked(fs.statfsSync)
  statfs.mockClear()
  const open = vi.mocked(fs.openSync)
  open.mockClear()
  expect(await source.backup({ workers: 0 })).toMatchObject({ complete: true, files: 3, bytesRead: 0 })
  // Once for the sizes, and once for the clock.
  expect(statfs).toHaveBeenCalledTimes(2)
  // Files are opened so that a FIFO in their place doesn't block.
  const isFile = ([, flags]: Parameters<typeof fs.openSync>): boolean =>
    (Number(flags) & fs.constants.O_NONBLOCK) !== 0
  expect(open.mock.calls.filter(isFile)).toEqual([])
})

test('an unknown file system may hide sizes, and so may one that gives no type', () => {
  const statfs = vi.mocked(fs.statfsSync)
  onTestFinished(() => void statfs.mockReset())
  statfs.mockReturnValueOnce({ type: 0x65735546 } as never)
  const sizes = new HiddenSizes()
  expect(sizes.mayHide(1n, Buffer.from('/a'))).toBe(true)
  statfs.mockImplementationOnce(() => {
    throw new Error('EACCES')
  })
  expect(sizes.mayHide(2n, Buffer.from('/a'))).toBe(true)
  expect(sizes.mayHide(1n, Buffer.from('/b'))).toBe(true)
})

test('content without a size that exceeds a segment is marked as changed, never as whole', () => {
  const path = join(makeTemporaryDirectory(), 'f')
  writeFileSync(path, '')
  const identity = statIdentityOf(fs.lstatSync(path, { bigint: true }))
  fs.truncateSync(path, segmentBytes)
  const reader = new SegmentReader(
    {
      path: Buffer.from(path),
      identity,
      offset: 0,
      bytes: segmentBytes,
      hasNoSize: true,
    },
    (file) => file,
  )
  const buffer = Buffer.alloc(bufferBytes)
  const kinds = new Set<string | undefined>()
  while (!reader.isDone) kinds.add(reader.next(buffer).contents[0]!.problem?.kind)
  expect([...kinds]).toEqual([undefined, 'changed'])
})
