import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { BackupOptions } from '../../../engine/operations.ts'
import { codeOf, write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

const lockFile = 'postmaster.pid'

/**
 * With the files that tell a cluster, and enough others that progress is reported before the last ones are
 * listed.
 */
function makeCluster(): ProtectedSource {
  const source = new ProtectedSource()
  for (const directory of ['base', 'global', 'pg_tblspc', 'pg_wal', 'log'])
    mkdirSync(join(source.directory, directory))
  write(source, 'PG_VERSION', '18\n')
  write(source, 'global/pg_control', 'control')
  for (let index = 0; index < 300; index++) write(source, `base/${index}`, '')
  return source
}

function backUp(
  source: ProtectedSource,
  options: Partial<BackupOptions> = {},
): ReturnType<ProtectedSource['backup']> {
  return source.backup({ kind: 'postgres', ...options })
}

/** A process that has PostgreSQL's name and works in the cluster's directory. */
async function startServer(source: ProtectedSource): Promise<void> {
  const program = join(source.root, 'postgres')
  copyFileSync(realpathSync('/bin/sleep'), program)
  const server = spawn(program, ['60'], { cwd: source.directory, stdio: 'ignore' })
  onTestFinished(() => void server.kill('SIGKILL'))
  await new Promise((resolve) => server.once('spawn', resolve))
  await sleep(50)
}

test('a cluster that stands still is backed up whole', async () => {
  const source = makeCluster()
  expect(await backUp(source)).toMatchObject({ complete: true, problemCount: 0 })
  expect((await source.snapshot()).manifest.sourceKind).toBe('postgres')
})

test('a directory without PG_VERSION is no cluster', async () => {
  const source = new ProtectedSource()
  expect(await codeOf(backUp(source))).toBe('invalid-input')
})

test('a lock file is refused without a declaration, and nothing is uploaded', async () => {
  const source = makeCluster()
  write(source, lockFile, '1\n')
  await expect(backUp(source)).rejects.toMatchObject({
    code: 'conflict',
    hint: expect.stringContaining('--stopped') as string,
  })
  expect(source.store.requests.put).toBe(0)
  for (const atRest of ['stopped', 'file-system-snapshot'] as const)
    expect(await backUp(source, { atRest })).toMatchObject({ complete: true, problemCount: 0 })
})

test.runIf(process.platform === 'linux')(
  'a server that runs in the directory is refused whatever is declared, also without a lock file',
  async () => {
    const source = makeCluster()
    await startServer(source)
    for (const atRest of [undefined, 'stopped', 'file-system-snapshot'] as const)
      await expect(backUp(source, { atRest })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/^PostgreSQL runs in .* \(process \d+\)$/) as string,
      })
    expect(await source.backup()).toMatchObject({ complete: true })
  },
)

test.each([
  ['starts', lockFile, lockFile],
  ['writes a checkpoint', 'global/pg_control', 'global/pg_control'],
])('a server that %s while the files are read leaves an incomplete snapshot', async (_, file, path) => {
  const source = makeCluster()
  let calls = 0
  const result = await backUp(source, {
    onProgress: () => void (calls++ === 0 && write(source, file, 'another')),
  })
  expect(result.complete).toBe(false)
  expect(result.problems.map((problem) => [problem.path.toString(), problem.kind])).toContainEqual([
    path,
    'changed',
  ])
})

test('links to files outside of the directory make the snapshot incomplete, each named; the others do not', async () => {
  const source = makeCluster()
  const elsewhere = join(source.root, 'elsewhere')
  mkdirSync(elsewhere)
  write(source, '../elsewhere/server.crt', 'certificate')
  const link = (target: string, name: string): void => {
    rmSync(join(source.directory, name), { recursive: true, force: true })
    symlinkSync(target, join(source.directory, name))
  }
  link(elsewhere, 'pg_wal')
  link(elsewhere, 'pg_tblspc/16400')
  link('/nowhere/at/all', 'pg_tblspc/16401')
  link('../base', 'pg_tblspc/16402')
  link(join(elsewhere, 'server.crt'), 'base/16384')
  link(join(elsewhere, 'server.crt'), 'server.crt')
  link(elsewhere, 'log')
  const result = await backUp(source)
  expect(result.complete).toBe(false)
  expect(result.problems.map(({ path, kind }) => [path.toString(), kind])).toEqual(
    ['base/16384', 'pg_tblspc/16400', 'pg_tblspc/16401', 'pg_wal'].map((path) => [path, 'outside']),
  )
  expect((await source.snapshot()).manifest.problems[1]).toMatchObject({
    kind: 'outside',
    detail: expect.stringContaining(elsewhere) as string,
  })
  expect(await source.backup()).toMatchObject({ complete: true })
})
