// Nothing counts as restored before the disk has it: a crash of the machine may lose what was only written.
import { readdirSync } from 'node:fs'
import { beforeEach, expect, test, vi } from 'vitest'
import { HoldfastError } from '../../../core/errors.ts'
import * as writeBack from '../../../engine/restore/write-back.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'
import { refusalOf } from '../../fixtures/restore-steps.ts'

vi.mock(import('../../../engine/restore/write-back.ts'), { spy: true })

const lost = new HoldfastError('target', 'not everything reached the disk')
let source: ProtectedSource

beforeEach(async () => {
  vi.mocked(writeBack.flush).mockReset()
  source = new ProtectedSource()
  for (let index = 0; index < 20; index++) write(source, `f${index}`, `content ${index}`)
  await source.backup()
})

const published = (target: string): string[] =>
  readdirSync(target).filter((name) => !name.startsWith('.holdfast-restore-'))

test('a shard has not ended if its files did not reach the disk', async () => {
  const target = source.newTarget()
  const shard = { index: 1, count: 1 }
  vi.mocked(writeBack.flush).mockRejectedValueOnce(lost)
  expect(await refusalOf(source.restore({ target, part: { kind: 'shard', shard } }))).toBe(lost)
  expect((await refusalOf(source.restore({ target, part: { kind: 'finish' } }))).message).toContain(
    '1 began and did not end',
  )
  expect(published(target)).toEqual([])
  await source.restore({ target, part: { kind: 'shard', shard } })
  await source.restore({ target, part: { kind: 'finish' } })
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

test('a restore publishes nothing that did not reach the disk', async () => {
  const target = source.newTarget()
  vi.mocked(writeBack.flush).mockRejectedValueOnce(lost)
  expect(await refusalOf(source.restore({ target }))).toBe(lost)
  expect(published(target)).toEqual([])
  await source.restore({ target })
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

test('a restore whose published names did not reach the disk can be repeated', async () => {
  const target = source.newTarget()
  vi.mocked(writeBack.flush).mockResolvedValueOnce().mockRejectedValueOnce(lost)
  expect(await refusalOf(source.restore({ target }))).toBe(lost)
  await source.restore({ target })
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})
