import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type {
  CompletedPart,
  CreateMultipartUploadCommandInput,
  UploadPartCommandInput,
} from '@aws-sdk/client-s3'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { send } from '../raw-request.ts'
import { codeOf, makeDirectory, rootOf, startWorld, vaultAccount } from '../world.ts'

const directory = makeDirectory()
const sandbox = await startWorld({ directory })
const client = rootOf(sandbox)
const root = sandbox.rootCredentials(vaultAccount)
const mib = 1024 * 1024
const big = Buffer.alloc(5 * mib, 'a')

async function begin(Key: string, input: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket: 'versioned', Key, ...input }),
  )
  return { Bucket: 'versioned', Key, UploadId }
}

type Target = Awaited<ReturnType<typeof begin>>

async function upload(
  target: Target,
  PartNumber: number,
  Body: Buffer | string,
  input: Partial<UploadPartCommandInput> = {},
): Promise<CompletedPart> {
  const { ETag, ChecksumCRC32, ChecksumSHA256 } = await client.send(
    new UploadPartCommand({ ...target, PartNumber, Body, ...input }),
  )
  return {
    PartNumber,
    ...(ETag === undefined ? {} : { ETag }),
    ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }),
    ...(ChecksumSHA256 === undefined ? {} : { ChecksumSHA256 }),
  }
}

const complete = (target: Target, Parts: CompletedPart[], input: object = {}) =>
  client.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts }, ...input }))

function fileCount(): number {
  return readdirSync(join(directory, 'objects'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length
}

describe('a multipart upload', () => {
  test('becomes one object of all its parts in order', async () => {
    const target = await begin('whole')
    const parts = [await upload(target, 2, 'tail'), await upload(target, 1, big)].reverse()
    const { ETag } = await complete(target, parts)
    const md5 = (data: Buffer | string) => createHash('md5').update(data).digest()
    expect(ETag).toBe(
      `"${createHash('md5')
        .update(Buffer.concat([md5(big), md5('tail')]))
        .digest('hex')}-2"`,
    )
    const got = await client.send(
      new GetObjectCommand({ Bucket: 'versioned', Key: 'whole', Range: `bytes=${5 * mib - 2}-` }),
    )
    expect(await got.Body?.transformToString()).toBe('aatail')
    const second = await client.send(
      new GetObjectCommand({ Bucket: 'versioned', Key: 'whole', PartNumber: 2 }),
    )
    expect([await second.Body?.transformToString(), second.PartsCount]).toEqual(['tail', 2])
  })

  test('has the date of its start, and is older than a version written in the meantime', async () => {
    const target = await begin('back-dated')
    const beganMs = Math.floor(sandbox.clock.nowMs() / 1000) * 1000
    const part = await upload(target, 1, 'late')
    const between = await client.send(
      new PutObjectCommand({ Bucket: 'versioned', Key: 'back-dated', Body: 'between' }),
    )
    sandbox.clock.turn(600_000)
    const later = rootOf(sandbox)
    const completed = await later.send(
      new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts: [part] } }),
    )
    const { Versions } = await later.send(
      new ListObjectVersionsCommand({ Bucket: 'versioned', Prefix: 'back-dated' }),
    )
    expect(Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      [between.VersionId, true],
      [completed.VersionId, false],
    ])
    expect(Versions?.[1]?.LastModified?.getTime()).toBeLessThanOrEqual(beganMs + 1000)
    sandbox.clock.turn(-600_000)
  })

  test('with If-None-Match is refused if the key exists', async () => {
    await client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'taken', Body: 'x' }))
    const target = await begin('taken')
    const part = await upload(target, 1, 'y')
    expect(await codeOf(complete(target, [part], { IfNoneMatch: '*' }))).toBe('PreconditionFailed')
  })

  test('replaces a part that is sent again, and leaves no file of replaced or unlisted parts', async () => {
    const before = fileCount()
    const target = await begin('replaced')
    await upload(target, 1, 'first')
    const part = await upload(target, 1, 'second')
    await upload(target, 2, 'never named')
    await complete(target, [part])
    expect(fileCount()).toBe(before + 1)
    expect(
      (await client.send(new HeadObjectCommand({ Bucket: 'versioned', Key: 'replaced' }))).ContentLength,
    ).toBe(6)
  })

  test('that is aborted leaves nothing', async () => {
    const before = fileCount()
    const target = await begin('aborted')
    await upload(target, 1, 'x')
    await client.send(new AbortMultipartUploadCommand(target))
    expect(fileCount()).toBe(before)
    expect(await codeOf(upload(target, 2, 'x'))).toBe('NoSuchUpload')
    expect(await codeOf(client.send(new AbortMultipartUploadCommand(target)))).toBe('NoSuchUpload')
  })

  test('refuses parts that are missing, in the wrong order, too small or misnumbered', async () => {
    const target = await begin('wrong')
    const [smallPart, two] = [await upload(target, 1, 'small'), await upload(target, 2, 'x')]
    expect(await codeOf(complete(target, [smallPart, two]))).toBe('EntityTooSmall')
    expect(await codeOf(complete(target, [two, smallPart]))).toBe('InvalidPartOrder')
    expect(await codeOf(complete(target, [smallPart, smallPart]))).toBe('InvalidPartOrder')
    expect(await codeOf(complete(target, [{ ...smallPart, ETag: '"0"' }]))).toBe('InvalidPart')
    expect(await codeOf(complete(target, [{ ...smallPart, PartNumber: 3 }]))).toBe('InvalidPart')
    expect(await codeOf(complete(target, []))).toMatch(/MalformedXML|InvalidRequest/)
    for (const number of ['0', '10001', '-1', '1e3', '']) {
      const reply = await send(sandbox, {
        method: 'PUT',
        path: `/versioned/wrong?partNumber=${number}&uploadId=${target.UploadId}`,
        credentials: root,
        body: 'x',
      })
      expect(reply).toMatchObject({ status: 400, code: 'InvalidArgument' })
    }
  })

  test('carries checksums of its parts, or one of the whole object', async () => {
    const composite = await begin('composite', { ChecksumAlgorithm: 'SHA256' })
    const parts = [
      await upload(composite, 1, big, { ChecksumAlgorithm: 'SHA256' }),
      await upload(composite, 2, 'tail', { ChecksumAlgorithm: 'SHA256' }),
    ]
    expect(await codeOf(upload(composite, 3, 'x', { ChecksumAlgorithm: 'CRC32' }))).toBe('InvalidRequest')
    const completed = await complete(composite, parts)
    const sha = (data: Buffer | string) => createHash('sha256').update(data).digest()
    expect(completed.ChecksumSHA256).toBe(
      `${createHash('sha256')
        .update(Buffer.concat([sha(big), sha('tail')]))
        .digest('base64')}-2`,
    )
    const whole = await begin('full', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' })
    const full = await complete(whole, [await upload(whole, 1, big), await upload(whole, 2, 'tail')])
    const expected = Buffer.alloc(4)
    expected.writeUInt32BE(crc32('tail', crc32(big)))
    expect([full.ChecksumCRC32, full.ChecksumType]).toEqual([expected.toString('base64'), 'FULL_OBJECT'])
  })

  test('can be made of ranges of other objects', async () => {
    await client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'digits', Body: '0123456789' }))
    const target = await begin('assembled')
    const copy = (range: string) =>
      client.send(
        new UploadPartCopyCommand({
          ...target,
          PartNumber: 1,
          CopySource: 'versioned/digits',
          CopySourceRange: range,
        }),
      )
    expect(await codeOf(copy('bytes=5-20'))).toBe('InvalidRange')
    expect(await codeOf(copy('bytes=-3'))).toBe('InvalidArgument')
    const { CopyPartResult } = await copy('bytes=3-5')
    await complete(target, [
      { PartNumber: 1, ...(CopyPartResult?.ETag === undefined ? {} : { ETag: CopyPartResult.ETag }) },
    ])
    const got = await client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'assembled' }))
    expect(await got.Body?.transformToString()).toBe('345')
  })

  test('is listed with its parts, page by page', async () => {
    const targets = await Promise.all(['u/1', 'u/2', 'u/2'].map((key) => begin(key)))
    const [first] = targets
    if (first === undefined) throw new Error('no upload began')
    for (const number of [1, 2, 3]) await upload(first, number, 'x')
    const page = await client.send(new ListPartsCommand({ ...first, MaxParts: 2 }))
    expect([page.Parts?.map(({ PartNumber }) => PartNumber), page.NextPartNumberMarker]).toEqual([
      [1, 2],
      '2',
    ])
    const listed: string[] = []
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}
    for (let pages = 0; pages < 10; pages += 1) {
      const uploads = await client.send(
        new ListMultipartUploadsCommand({ Bucket: 'versioned', Prefix: 'u/', MaxUploads: 1, ...marker }),
      )
      listed.push(...(uploads.Uploads ?? []).map(({ UploadId }) => UploadId ?? ''))
      if (uploads.IsTruncated !== true) break
      marker = { KeyMarker: uploads.NextKeyMarker, UploadIdMarker: uploads.NextUploadIdMarker }
    }
    expect(new Set(listed)).toEqual(new Set(targets.map(({ UploadId }) => UploadId)))
    expect(listed).toHaveLength(3)
  })

  test("in a locked bucket is locked for the default's days from its start", async () => {
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket: 'locked', Key: 'kept' }),
    )
    const beganMs = sandbox.clock.nowMs()
    const target = { Bucket: 'locked', Key: 'kept', UploadId }
    await complete(target, [await upload(target, 1, 'x')])
    const head = await client.send(new HeadObjectCommand({ Bucket: 'locked', Key: 'kept' }))
    expect(head.ObjectLockMode).toBe('COMPLIANCE')
    expect(
      Math.abs((head.ObjectLockRetainUntilDate?.getTime() ?? 0) - beganMs - 40 * 24 * 3_600_000),
    ).toBeLessThan(2000)
    expect(sandbox.defects).toEqual([])
  })
})
