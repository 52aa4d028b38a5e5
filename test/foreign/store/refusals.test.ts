// An intruder with every key of the store tries to get rid of a recovery point whose versions are locked by id.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  PutBucketVersioningCommand,
  PutObjectRetentionCommand,
  DeleteBucketCommand,
} from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { lockDays, refusalOf, ThirdPartyVault } from './third-party-vault.ts'
import type { Listed } from './third-party-vault.ts'
import { sourcePrefix } from '../../../core/store/vault-keys.ts'

const vault = await ThirdPartyVault.start()
const untilMs = Date.now() + lockDays * 86_400_000
const Bucket = 'locked'
let versions: Listed[] = []

function retain(
  version: Listed,
  mode: 'COMPLIANCE' | 'GOVERNANCE',
  ms: number,
  bypass = false,
): Promise<unknown> {
  return vault.client.send(
    new PutObjectRetentionCommand({
      Bucket,
      Key: version.key,
      VersionId: version.versionId,
      Retention: { Mode: mode, RetainUntilDate: new Date(ms) },
      ...(bypass ? { BypassGovernanceRetention: true } : {}),
    }),
  )
}

beforeAll(async () => {
  const tree = join(makeFolder(), 'tree')
  mkdirSync(tree)
  writeFileSync(join(tree, 'file'), 'kept')
  expect(await vault.holdfast(['backup', tree, '--source', 'kept', '--bucket', Bucket])).toMatchObject({
    status: 0,
  })
  versions = (await vault.list(Bucket, sourcePrefix('kept'))).entries
  expect(versions.length).toBeGreaterThanOrEqual(3)
  for (const version of versions) await retain(version, 'COMPLIANCE', untilMs)
})

describe('a locked version', () => {
  test.each([[false], [true]])('is not deleted by its id, BypassGovernanceRetention %s', async (bypass) => {
    for (const { key, versionId } of versions) {
      const attempt = vault.client.send(
        new DeleteObjectCommand({
          Bucket,
          Key: key,
          VersionId: versionId,
          ...(bypass ? { BypassGovernanceRetention: true } : {}),
        }),
      )
      expect(await refusalOf(attempt)).toBe('AccessDenied')
    }
  })

  test('is not deleted as one of many', async () => {
    const Objects = versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId }))
    const attempt = vault.client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects }, BypassGovernanceRetention: true }),
    )
    const refused = await attempt.then(
      ({ Errors = [] }) => Errors.map(({ Code }) => Code!),
      (error: unknown) => versions.map(() => (error as Error).name),
    )
    expect(refused).toEqual(versions.map(() => 'AccessDenied'))
  })

  test.each([
    ['shortened', 'COMPLIANCE', untilMs - 86_400_000],
    ['made one that can be bypassed', 'GOVERNANCE', untilMs],
  ] as const)('is not %s, whatever the right', async (_what, mode, ms) => {
    for (const bypass of [false, true])
      expect(await refusalOf(retain(versions[0]!, mode, ms, bypass))).toBe('AccessDenied')
  })

  test('is locked for longer, if asked', async () => {
    await retain(versions[0]!, 'COMPLIANCE', untilMs + 86_400_000)
    const state = await vault.open(Bucket).headVersion(versions[0]!)
    expect(state.lock).toMatchObject({
      mode: 'COMPLIANCE',
      untilMs: Math.floor((untilMs + 86_400_000) / 1000) * 1000,
    })
  })

  test('is not lost with versioning suspended or with its bucket', async () => {
    const suspend = vault.client.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }),
    )
    expect(await refusalOf(suspend)).toBe('InvalidBucketState')
    expect(await refusalOf(vault.client.send(new DeleteBucketCommand({ Bucket })))).toMatch(
      /^BucketNotEmpty|^VersionedBucketNotEmpty/,
    )
  })
})

test('after all of it every version is there, and the snapshot restores', async () => {
  expect((await vault.list(Bucket, sourcePrefix('kept'))).entries).toEqual(versions)
  const target = join(makeFolder(), 'restored')
  expect(
    await vault.holdfast(['restore', '--source', 'kept', '--bucket', Bucket, '--target', target]),
  ).toMatchObject({ status: 0 })
  expect(readFileSync(join(target, 'file'), 'utf8')).toBe('kept')
  expect(
    await vault.holdfast(['verify', '--source', 'kept', '--bucket', Bucket, '--read-data']),
  ).toMatchObject({ status: 0 })
})
