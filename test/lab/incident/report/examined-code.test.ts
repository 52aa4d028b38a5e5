import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commitOf, policiesHash } from '../../../../lab/incident/report/examined-code.ts'
import { loadDeclaration, loadExample } from '../../../../lab/sandbox/loader/loader.ts'
import { makeTemporaryDirectory } from '../../../fixtures/temporary-directory.ts'

test('the hash of the policies is the same for the same program, and another for another policy', async () => {
  const hash = policiesHash(await loadExample())
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
  expect(policiesHash(await loadDeclaration())).toBe(hash)
  const changed = await loadExample()
  changed.roles[0]!.trust['Version'] = 'changed'
  expect(policiesHash(changed)).not.toBe(hash)
})

test('the commit is named, and whether the copy was changed since; without git it is unknown', () => {
  const folder = makeTemporaryDirectory()
  expect(commitOf(folder)).toBeNull()
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
  git('init', '-q')
  git('commit', '-q', '--allow-empty', '-m', 'first')
  expect(commitOf(folder)).toEqual({ id: git('rev-parse', 'HEAD').trim(), hasChanges: false })
  writeFileSync(join(folder, 'file'), 'x')
  expect(commitOf(folder)).toMatchObject({ hasChanges: true })
})
