// No room left: under the target of a restore, and under a backup's cache. Each ends with the status and the hint
// that a script and a human need, harms nothing, and goes on when there is room.
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { contentOf, describeDirectory } from '../../fixtures/directory-description.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { mountSmallDisk } from '../../fixtures/small-disk.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'
import { runProcess } from '../../restore-cli/command-line.ts'
import type { Outcome } from '../../restore-cli/command-line.ts'
import { region, startWorld, vaultAccount } from '../../lab/sandbox/world.ts'

const sandbox = await startWorld()
const home = makeTemporaryDirectory(undefined, afterAll)

function holdfast(...args: string[]): Promise<Outcome> {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  return runProcess([...args, '--bucket', 'locked', '--json'], {
    timeoutMs: 300_000,
    env: {
      HOME: home,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: sandbox.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  })
}

/** The last line of standard error. */
function errorOf({ stderr }: Outcome): unknown {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1)!)
}

function fill(directory: string, files: number, bytes: number): void {
  mkdirSync(directory, { recursive: true })
  for (let index = 0; index < files; index++)
    writeFileSync(join(directory, `file-${index}`), randomBytes(bytes, index))
}

test('a restore that runs out of room says so with its own status; with more room the same command goes on', async () => {
  const tree = join(home, 'tree')
  fill(tree, 24, 512 * 1024)
  expect(
    await holdfast('backup', tree, '--source', 'large', '--cache-dir', join(home, 'cache')),
  ).toMatchObject({ status: 0 })
  const disk = mountSmallDisk(join(home, 'small'), 8 * 1024)
  const target = join(disk.path, 'target')
  const restore = (): Promise<Outcome> => holdfast('restore', '--source', 'large', '--target', target)
  for (let attempt = 0; attempt < 2; attempt++) {
    const outcome = await restore()
    expect(outcome.status).toBe(12)
    expect(errorOf(outcome)).toMatchObject({ code: 'disk-full', retryable: true })
    expect(readdirSync(target).filter((name) => !name.startsWith('.holdfast-restore-'))).toEqual([])
  }
  disk.resize(32 * 1024)
  const outcome = await restore()
  expect(outcome).toMatchObject({ status: 0 })
  const { bytesFetched } = outcome.records().find(({ type }) => type === 'restore') as {
    bytesFetched: number
  }
  expect(bytesFetched).toBeGreaterThan(0)
  expect(bytesFetched).toBeLessThan(9 * 1024 * 1024)
  expect(describeDirectory(target)).toEqual(describeDirectory(tree))
}, 300_000)

test('a shard that runs out of room says so; the end names it and publishes nothing; with room it goes on', async () => {
  const tree = join(home, 'sharded')
  fill(tree, 48, 512 * 1024)
  const backup = await holdfast('backup', tree, '--source', 'sharded', '--cache-dir', join(home, 'cache'))
  const { id } = backup.records().find(({ type }) => type === 'backup')!['snapshot'] as { id: string }
  const disk = mountSmallDisk(join(home, 'shared'), 20 * 1024)
  const target = join(disk.path, 'target')
  const restore = (...part: string[]): Promise<Outcome> =>
    holdfast('restore', '--source', 'sharded', '--snapshot', id, '--target', target, ...part)
  expect((await restore('--shard', '1/2')).status).toBe(0)
  const full = await restore('--shard', '2/2')
  expect([full.status, errorOf(full)]).toMatchObject([12, { code: 'disk-full', retryable: true }])
  const early = await restore('--finish')
  expect([early.status, errorOf(early)]).toMatchObject([
    3,
    { code: 'incomplete', message: 'of 2 shards, 2 began and did not end' },
  ])
  expect(readdirSync(target).filter((name) => !name.startsWith('.holdfast-restore-'))).toEqual([])
  disk.resize(40 * 1024)
  expect((await restore('--shard', '2/2')).status).toBe(0)
  expect((await restore('--finish')).status).toBe(0)
  expect(describeDirectory(target)).toEqual(describeDirectory(tree))
}, 300_000)

test('a restore onto a disk that is full from the beginning says so too', async () => {
  const tree = join(home, 'little')
  fill(tree, 1, 1000)
  expect(
    await holdfast('backup', tree, '--source', 'little', '--cache-dir', join(home, 'cache')),
  ).toMatchObject({ status: 0 })
  const disk = mountSmallDisk(join(home, 'full'), 64)
  const { bavail, bsize } = statfsSync(disk.path)
  writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(bavail * bsize))
  const target = join(disk.path, 'target')
  const outcome = await holdfast('restore', '--source', 'little', '--target', target)
  expect([outcome.status, errorOf(outcome)]).toMatchObject([12, { code: 'disk-full' }])
  rmSync(join(disk.path, 'ballast'))
  expect(await holdfast('restore', '--source', 'little', '--target', target)).toMatchObject({ status: 0 })
  expect(describeDirectory(target)).toEqual(describeDirectory(tree))
}, 300_000)

test.each([[0], [100], [900]])(
  'a backup whose cache has room for %i KiB ends well or with a hint to make room, harms no snapshot, and is made when there is room',
  async (kib) => {
    const tree = join(home, `many-${kib}`)
    for (const name of ['a', 'b']) fill(join(tree, name), 800, 40)
    const source = `many-${kib}`
    const disk = mountSmallDisk(join(home, `cache-${kib}`), 2048)
    const cache = join(disk.path, 'cache')
    const backup = (): Promise<Outcome> => holdfast('backup', tree, '--source', source, '--cache-dir', cache)
    const { bavail, bsize } = statfsSync(disk.path)
    writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(bavail * bsize - kib * 1024))
    const outcome = await backup()
    if (outcome.status !== 0)
      expect([outcome.status, errorOf(outcome)]).toMatchObject([
        12,
        { code: 'disk-full', hint: expect.stringContaining('room') as string },
      ])
    if (kib < 900) expect(outcome.status).not.toBe(0)
    disk.resize(16 * 1024)
    expect(await backup()).toMatchObject({ status: 0 })
    const verified = await holdfast('verify', '--source', source, '--read-data')
    expect([verified.status, verified.records().at(-1)]).toMatchObject([
      0,
      { ok: true, objects: [], files: [] },
    ])
    const target = join(home, `restored-${kib}`)
    expect(await holdfast('restore', '--source', source, '--target', target)).toMatchObject({ status: 0 })
    expect(contentOf(describeDirectory(target))).toEqual(contentOf(describeDirectory(tree)))
  },
  300_000,
)
