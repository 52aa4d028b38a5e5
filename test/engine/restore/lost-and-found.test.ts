import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeOf, write } from '../../fixtures/backup-steps.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

/** A target as a new ext file system is. */
function newFileSystem(source: ProtectedSource): string {
  const target = source.newTarget()
  mkdirSync(join(target, 'lost+found'), { recursive: true, mode: 0o700 })
  return target
}

test('a target with an empty lost+found is empty', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'content')
  await source.backup()
  const target = newFileSystem(source)
  expect(await source.restore({ target })).toMatchObject({ damaged: [] })
  expect(readdirSync(target).sort()).toEqual(['a', 'lost+found'])
})

test('a snapshot of a whole file system is restored over the empty lost+found of another one', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'content')
  mkdirSync(join(source.directory, 'lost+found'), { mode: 0o700 })
  writeFileSync(join(source.directory, 'lost+found', '#12'), 'rescued')
  await source.backup()
  const target = newFileSystem(source)
  await source.restore({ target })
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

test('a lost+found with content, or that is a file, is not empty', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'content')
  await source.backup()
  const [filled, file] = [newFileSystem(source), source.newTarget()]
  writeFileSync(join(filled, 'lost+found', '#12'), 'rescued')
  mkdirSync(file)
  writeFileSync(join(file, 'lost+found'), '')
  for (const target of [filled, file]) expect(await codeOf(source.restore({ target }))).toBe('target')
})
