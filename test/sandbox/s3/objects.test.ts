import { createHash } from 'node:crypto'
import { DeleteObjectCommand, GetObjectCommand, GetObjectLockConfigurationCommand, HeadObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { codeOf, rootOf, startWorld } from '../world.ts'

const sandbox = await startWorld()
const vault = rootOf(sandbox)

describe('objects', () => {
  test('an object comes back byte for byte, with its version, its MD5 and its headers', async () => {
    const body = Buffer.from('a volume, once')
    const put = await vault.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'a/b', Body: body, ContentType: 'text/plain', Metadata: { origin: 'test' } }))
    const got = await vault.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'a/b', VersionId: put.VersionId }))
    expect(await got.Body?.transformToString()).toBe('a volume, once')
    expect(got.ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`)
    expect(got.ContentType).toBe('text/plain')
    expect(got.Metadata).toEqual({ origin: 'test' })
    expect(got.ServerSideEncryption).toBe('AES256')
    expect(got.LastModified?.getMilliseconds()).toBe(0)
  })

  test('a locked bucket gives its default to each new version, and tells it', async () => {
    const lock = await vault.send(new GetObjectLockConfigurationCommand({ Bucket: 'locked' }))
    expect(lock.ObjectLockConfiguration?.Rule?.DefaultRetention).toEqual({ Mode: 'COMPLIANCE', Days: 40 })
    const { VersionId } = await vault.send(new PutObjectCommand({ Bucket: 'locked', Key: 'kept', Body: 'x', IfNoneMatch: '*' }))
    const head = await vault.send(new HeadObjectCommand({ Bucket: 'locked', Key: 'kept' }))
    expect(head.ObjectLockMode).toBe('COMPLIANCE')
    expect(await codeOf(vault.send(new DeleteObjectCommand({ Bucket: 'locked', Key: 'kept', VersionId })))).toBe('AccessDenied')
    await vault.send(new DeleteObjectCommand({ Bucket: 'locked', Key: 'kept' }))
    const listing = await vault.send(new ListObjectVersionsCommand({ Bucket: 'locked' }))
    expect(listing.Versions?.map((version) => version.VersionId)).toEqual([VersionId])
    expect(listing.DeleteMarkers).toHaveLength(1)
    expect(sandbox.defects).toEqual([])
  })
})
