import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { encodeManifest } from '../../../core/snapshot/manifest.ts'
import type { PackReference } from '../../../core/snapshot/manifest.ts'
import { manifestKey } from '../../../core/store/vault-keys.ts'
import { HandmadeVault } from '../../fixtures/handmade-vault.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { rootOf } from '../../lab/sandbox/world.ts'
import { makeFolder } from '../command-line.ts'
import { startSandboxedCommands } from '../sandboxed-commands.ts'

const { holdfast, sandbox } = await startSandboxedCommands()

const client = rootOf(sandbox)

async function put(Key: string, Body: Buffer, input: Partial<PutObjectCommandInput> = {}): Promise<string> {
  const { VersionId } = await client.send(
    new PutObjectCommand({ Bucket: 'locked', Key, Body, ChecksumAlgorithm: 'SHA256', ...input }),
  )
  return VersionId!
}

/** A snapshot of two files, whose packs have these storage classes. */
async function commitTwoFiles(
  source: string,
  classes: Record<'archived' | 'kept', PutObjectCommandInput['StorageClass']>,
): Promise<void> {
  const vault = new HandmadeVault(undefined, source)
  const packs: PackReference[] = []
  const entries = [vault.directory('')]
  for (const [name, seed] of [
    ['archived', 1],
    ['kept', 2],
  ] as const) {
    entries.push(vault.file(name, randomBytes(2000, seed)))
    const pack = await vault.pack()
    const { body } = vault.store.versions.find(({ key }) => key === pack.key)!
    packs.push({ ...pack, versionId: await put(pack.key, body, { StorageClass: classes[name] }) })
  }
  const root = vault.tree(entries)
  const treePack = await vault.pack()
  const { body } = vault.store.versions.find(({ key }) => key === treePack.key)!
  packs.push({ ...treePack, versionId: await put(treePack.key, body) })
  const tree = { root: root.toString('hex'), entries: 3, files: 2, bytes: 4000 }
  const manifest = vault.manifest(root, packs, { tree })
  await put(manifestKey(source, manifest.id), encodeManifest(manifest))
}

const inLocked = (command: string, source: string): string[] => [
  command,
  '--bucket',
  'locked',
  '--source',
  source,
]

test.each(['GLACIER', 'DEEP_ARCHIVE'] as const)(
  'a pack in %s is reported with its files by verify; a restore names them and brings back the others',
  async (storageClass) => {
    const source = `in-${storageClass.toLowerCase().replace('_', '-')}`
    await commitTwoFiles(source, { archived: storageClass, kept: 'STANDARD_IA' })
    for (const option of [[], ['--read-data']]) {
      const verified = await holdfast([...inLocked('verify', source), '--json', ...option])
      expect(verified.status).toBe(4)
      expect(verified.records()).toMatchObject([
        {
          type: 'verify',
          ok: false,
          intact: false,
          objects: [{ kind: 'archived', detail: expect.stringContaining(storageClass) as string }],
          files: [{ path: 'archived' }],
        },
      ])
    }
    const target = join(makeFolder(), 'restored')
    const restored = await holdfast([...inLocked('restore', source), '--target', target, '--json'])
    expect(restored.status).toBe(4)
    expect(restored.records().find(({ type }) => type === 'restore')).toMatchObject({
      damaged: [{ path: 'archived' }],
    })
    expect(readFileSync(join(target, 'kept')).equals(randomBytes(2000, 2))).toBe(true)
  },
)

test('limits of age and of locks are compared by the clock of the store, and end with 14', async () => {
  const data = join(makeFolder(), 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'file'), 'content')
  await holdfast(['backup', data, '--source', 'limits', '--bucket', 'locked'])
  const met = await holdfast([
    ...inLocked('verify', 'limits'),
    '--max-age',
    '1h',
    '--min-lock-days',
    '39',
    '--json',
  ])
  expect(met.status).toBe(0)
  expect(met.records()).toMatchObject([
    { ok: true, intact: true, missed: [], unchecked: { checksums: 0, locks: 0 } },
  ])
  await sleep(1_100)
  for (const [option, value, reason] of [
    ['--max-age', '0m', /old, and --max-age is/],
    ['--min-lock-days', '41', /the first lock ends in (39\.9|40\.0) days/],
  ] as const) {
    const missed = await holdfast([...inLocked('verify', 'limits'), option, value, '--json'])
    expect(missed.status).toBe(14)
    expect(missed.records()).toMatchObject([
      { ok: false, intact: true, missed: [expect.stringMatching(reason) as string] },
    ])
  }
  expect(await holdfast([...inLocked('verify', 'limits'), '--max-age', 'soon'])).toMatchObject({ status: 2 })
})

test('--all verifies each live snapshot and ends with one record of all', async () => {
  const data = join(makeFolder(), 'data')
  mkdirSync(data)
  for (const name of ['one', 'two']) {
    writeFileSync(join(data, name), name)
    await holdfast(['backup', data, '--source', 'all', '--bucket', 'locked'])
  }
  const outcome = await holdfast([...inLocked('verify', 'all'), '--all', '--read-data', '--json'])
  expect(outcome.status).toBe(0)
  const records = outcome.records()
  expect(records.map(({ type, outcome: result, ok }) => [type, result, ok])).toEqual([
    ['verified-snapshot', 'verified', true],
    ['verified-snapshot', 'verified', true],
    ['verify-all', undefined, true],
  ])
  expect(records.at(-1)).toMatchObject({ listed: 2, verified: 2, damaged: 0, unreadable: 0, unlocked: 0 })
  await sleep(1_100)
  const words = await holdfast([...inLocked('verify', 'all'), '--all', '--max-age', '0m'])
  expect([words.status, words.stdout]).toEqual([14, expect.stringMatching(/all: 2 snapshots verified/)])
})

test('what is intact and not locked is not called damaged', async () => {
  const data = join(makeFolder(), 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'file'), 'content')
  await holdfast(['backup', data, '--source', 'open', '--bucket', 'versioned', '--allow-unlocked'])
  const outcome = await holdfast(['verify', '--bucket', 'versioned', '--source', 'open'])
  expect(outcome.status).toBe(9)
  expect(outcome.stdout).toMatch(/^NOT LOCKED AS GUARANTEED: open/)
  expect(outcome.stdout + outcome.stderr).not.toMatch(/damaged/i)
})
