// An S3 endpoint as a target of the suite: what the port can't do, such as overwriting, is done by a plain client.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import type { S3ObjectStore, S3Settings } from '../../aws/s3-object-store.ts'
import type { ConformanceTarget, Deviation } from './object-store.ts'

export interface S3Target {
  endpoint: string
  region: string
  bucket: string
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  versionsOfOneKey: number
  deviations?: readonly Deviation[]
  /** Further credentials that must be refused, beside a wrong secret, an unknown key and a bucket that is not there. */
  denied?: { credentials: { accessKeyId: string; secretAccessKey: string } }
  /** Turns a clock that can be turned; absent: waits. */
  passSeconds?: (seconds: number) => void
}

export async function openS3Target(target: S3Target): Promise<ConformanceTarget> {
  const { endpoint, region, bucket, credentials } = target
  const open = (settings: Partial<S3Settings> = {}): S3ObjectStore =>
    openS3ObjectStore({
      bucket,
      region,
      endpoint,
      credentials: () => Promise.resolve(credentials),
      environment: {},
      ...settings,
    })
  const store = open()
  const client = new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const { retention } = await store.lockDefault()
  const unknown = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  }
  const refused = {
    credentials: [
      open({
        credentials: () =>
          Promise.resolve({ ...credentials, secretAccessKey: `${credentials.secretAccessKey}x` }),
      }),
      open({ credentials: () => Promise.resolve(unknown) }),
    ],
    'not-found': [open({ bucket: `holdfast-absent-${randomUUID()}` })],
    denied:
      target.denied === undefined
        ? []
        : [open({ credentials: () => Promise.resolve(target.denied!.credentials) })],
  }
  return {
    store,
    retention,
    refused,
    prefix: `conformance/${randomUUID()}/`,
    versionsOfOneKey: target.versionsOfOneKey,
    deviations: target.deviations ?? [],
    overwrite: async (Key, Body) =>
      (await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ChecksumAlgorithm: 'SHA256' })))
        .VersionId!,
    hide: async (Key) => (await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))).VersionId!,
    putInParts: (key) => putInParts(client, bucket, key),
    passSeconds: target.passSeconds ?? ((seconds) => sleep(seconds * 1_000)),
    close: () => {
      for (const target of [store, ...Object.values(refused).flat()]) target.close()
      client.destroy()
    },
  }
}

async function putInParts(client: S3Client, Bucket: string, Key: string): Promise<string> {
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }),
  )
  const bodies = [Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.from('the end')]
  const Parts = await Promise.all(
    bodies.map(async (Body, index) => {
      const part = await client.send(
        new UploadPartCommand({
          Bucket,
          Key,
          UploadId,
          PartNumber: index + 1,
          Body,
          ChecksumAlgorithm: 'SHA256',
        }),
      )
      return { PartNumber: index + 1, ETag: part.ETag, ChecksumSHA256: part.ChecksumSHA256 }
    }),
  )
  return (
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
  ).VersionId!
}
