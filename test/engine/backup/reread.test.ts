import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { hasPart, shareOfDay } from '../../../engine/read-share.ts'
import { age, write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

vi.mock(import('node:fs'), { spy: true })

const all = { part: 0, of: 1 }

test('a file that is read again has its new content, and is named as unnoticed', async () => {
  const source = new ProtectedSource()
  write(source, 'same', 'same content')
  write(source, 'f', 'first content')
  await age()
  await source.backup({ workers: 0 })
  const path = join(source.directory, 'f')
  const before = fs.lstatSync(path, { bigint: true })
  write(source, 'f', 'other content')
  // As after a write through mmap to a page that was dirty: the times are those of before.
  for (const name of ['lstatSync', 'fstatSync'] as const) {
    const original = (await vi.importActual<typeof fs>('node:fs'))[name] as (...args: unknown[]) => unknown
    vi.mocked(fs[name]).mockImplementation(((...args: unknown[]) => {
      const stats = original(...args) as fs.BigIntStats | undefined
      if (stats?.ino === before.ino)
        Object.assign(stats, { mtimeNs: before.mtimeNs, ctimeNs: before.ctimeNs })
      return stats
    }) as never)
  }
  expect(await source.backup({ workers: 0 })).toMatchObject({
    filesUnchanged: 2,
    filesReread: 0,
    problems: [],
  })
  const result = await source.backup({ workers: 0, rereadShare: all })
  expect(result).toMatchObject({
    complete: true,
    filesReread: 2,
    problems: [{ kind: 'unnoticed', path: Buffer.from('f') }],
  })
  const { target } = await source.restore()
  expect(fs.readFileSync(join(target, 'f'), 'utf8')).toBe('other content')
  expect(await source.backup({ workers: 0, rereadShare: all })).toMatchObject({
    filesReread: 2,
    problems: [],
  })
  vi.restoreAllMocks()
})

test('each path belongs to one of the shares, which follow one another by the day', () => {
  const paths = Array.from({ length: 1000 }, (_, index) => Buffer.from(`uploads/${index}`))
  const days = Array.from({ length: 7 }, (_, day) => shareOfDay(7, day * 86_400_000))
  for (const path of paths) expect(days.filter((share) => hasPart(path, share))).toHaveLength(1)
  for (const share of days) expect(paths.filter((path) => hasPart(path, share)).length).toBeGreaterThan(90)
})
