// The whole data plane, by the command line, on a third-party store.
import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteObjectCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { makeOddTree } from '../../fixtures/odd-tree.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { lockDays, ThirdPartyVault } from './third-party-vault.ts'
import type { Listed } from './third-party-vault.ts'
import { manifestKey, manifestPrefix, packPrefix, sourcePrefix } from '../../../core/store/vault-keys.ts'

interface BackupRecord {
  snapshot: { id: string }
  complete: boolean
  files: number
  filesUnchanged: number
  bytesUploaded: number
  requests: Record<string, number>
}

const isRoot = process.getuid?.() === 0
const vault = await ThirdPartyVault.start()
const tree = join(makeFolder(), 'tree')
/** The further hard links of one file. */
const furtherNames = 3
const backUp = ['backup', tree, '--source', 'mixed', '--bucket', 'locked', '--json']

beforeAll(async () => {
  mkdirSync(tree)
  makeOddTree(tree, isRoot)
  // Only root reads files that no user may read.
  if (!isRoot) for (const mode of ['0', '200']) rmSync(join(tree, 'modes', mode))
  // A backup reads a file again if it changed less than a second before the last read.
  await sleep(1_100)
})

describe('a tree of odd entries', () => {
  test('is backed up, and a second time without a byte of content and with one new object', async () => {
    const first = await vault.holdfast(backUp)
    expect(first).toMatchObject({ status: 0, stderr: '' })
    const before = (await vault.list('locked', sourcePrefix('mixed'))).entries
    const second = await vault.holdfast(backUp)
    const [full, none] = [first, second].map((outcome) => outcome.records()[0] as unknown as BackupRecord)
    expect(full).toMatchObject({
      complete: true,
      filesUnchanged: 0,
      lock: { mode: 'COMPLIANCE', days: lockDays },
    })
    expect(none).toMatchObject({
      complete: true,
      filesUnchanged: full!.files - furtherNames,
      bytesRead: 0,
      // One proves the vault's identity and adds no object. One is the manifest.
      requests: { put: 2 },
    })
    const after = (await vault.list('locked', sourcePrefix('mixed'))).entries
    expect(
      after
        .filter(({ versionId }) => !before.some((version) => version.versionId === versionId))
        .map(({ key }) => key),
    ).toEqual([manifestKey('mixed', none!.snapshot.id)])
  })

  test('is restored as it was: names, content, modes, times, links', async () => {
    const target = join(makeFolder(), 'restored')
    expect(
      await vault.holdfast([
        'restore',
        '--source',
        'mixed',
        '--bucket',
        'locked',
        '--target',
        target,
        '--special-bits',
      ]),
    ).toMatchObject({ status: 0, stderr: '' })
    expect(describeDirectory(target)).toEqual(describeDirectory(tree))
  })

  test('is verified to the last byte; a default retention that no version carries is not taken for a lock', async () => {
    const verify = ['verify', '--source', 'mixed', '--bucket', 'locked', '--read-data', '--json']
    const unlocked = await vault.holdfast(verify)
    expect(unlocked.status).toBe(9)
    expect(
      (unlocked.records()[0] as { objects: { kind: string }[] }).objects.every(
        ({ kind }) => kind === 'unlocked',
      ),
    ).toBe(true)
    const until = new Date(Date.now() + lockDays * 86_400_000)
    for (const { key, versionId } of (await vault.list('locked', sourcePrefix('mixed'))).entries) {
      await vault.client.send(
        new PutObjectRetentionCommand({
          Bucket: 'locked',
          Key: key,
          VersionId: versionId,
          Retention: { Mode: 'COMPLIANCE', RetainUntilDate: until },
        }),
      )
    }
    const locked = await vault.holdfast(verify)
    expect(locked).toMatchObject({ status: 0, stderr: '' })
    expect(locked.records()).toMatchObject([{ ok: true, readData: true, objects: [], files: [] }])
    const lockedUntilMs = Date.parse(locked.records()[0]!['lockedUntil'] as string)
    expect(Math.abs(lockedUntilMs - until.getTime())).toBeLessThan(1_000)
  })
})

describe('what the store has lost or spoiled', () => {
  const scan = Buffer.from(
    Array.from({ length: 300_000 }, (_, index) => (index * index * 31 + (index >> 7) * 17) & 0xff),
  )

  /** Two snapshots of `small` and `scan`, and the pack that holds the content of `scan`. */
  async function makeSnapshots(source: string): Promise<Listed> {
    const directory = join(makeFolder(), 'data')
    mkdirSync(directory)
    writeFileSync(join(directory, 'scan'), scan)
    const args = ['backup', directory, '--source', source, '--bucket', 'versioned', '--allow-unlocked']
    expect(await vault.holdfast(args)).toMatchObject({ status: 0 })
    writeFileSync(join(directory, 'small'), 'written later\n')
    expect(await vault.holdfast(args)).toMatchObject({ status: 0 })
    const packs = (await vault.list('versioned', packPrefix(source))).entries
    return packs.toSorted((a, b) => b.bytes - a.bytes)[0]!
  }

  async function expectNamed(source: string, lost: Listed): Promise<void> {
    const outcome = await vault.holdfast([
      'verify',
      '--source',
      source,
      '--bucket',
      'versioned',
      '--read-data',
      '--json',
    ])
    expect(outcome.status).toBe(4)
    const { objects, files } = outcome.records()[0] as {
      objects: { key: string; kind: string }[]
      files: { path: string }[]
    }
    expect(objects.filter(({ kind }) => kind !== 'unlocked').map(({ key }) => key)).toEqual([lost.key])
    expect(files.map(({ path }) => path)).toEqual(['scan'])
    const target = join(makeFolder(), 'restored')
    expect(
      await vault.holdfast(['restore', '--source', source, '--bucket', 'versioned', '--target', target]),
    ).toMatchObject({ status: 4 })
    expect(Object.keys(describeDirectory(target))).toEqual(['.', 'small'])
  }

  test('a pack that was deleted is named with the files it costs, and the rest is restored', async () => {
    const pack = await makeSnapshots('lost')
    await vault.client.send(
      new DeleteObjectCommand({ Bucket: 'versioned', Key: pack.key, VersionId: pack.versionId }),
    )
    await expectNamed('lost', pack)
  })

  test('a byte that its disk has changed is found by reading, and named in the same way', async () => {
    const pack = await makeSnapshots('spoiled')
    const descriptor = openSync(join(vault.gateway.dataDirectory, 'versioned', pack.key), 'r+')
    const byte = Buffer.alloc(1)
    readSync(descriptor, byte, 0, 1, pack.bytes >> 1)
    writeSync(descriptor, Buffer.from([byte[0]! ^ 1]), 0, 1, pack.bytes >> 1)
    closeSync(descriptor)
    await expectNamed('spoiled', pack)
  })

  test('a manifest that its disk has cut short is passed over, and said', async () => {
    await makeSnapshots('torn')
    const [manifest] = (await vault.list('versioned', manifestPrefix('torn'))).entries.toSorted((a, b) =>
      a.key < b.key ? 1 : -1,
    )
    const file = join(vault.gateway.dataDirectory, 'versioned', manifest!.key)
    truncateSync(file, statSync(file).size - 1)
    const target = join(makeFolder(), 'restored')
    const outcome = await vault.holdfast([
      'restore',
      '--source',
      'torn',
      '--bucket',
      'versioned',
      '--target',
      target,
    ])
    expect(outcome.status).toBe(0)
    expect(outcome.stdout).toContain(manifest!.key.split('/').at(-1))
    expect(Object.keys(describeDirectory(target))).toEqual(['.', 'scan'])
  })
})
