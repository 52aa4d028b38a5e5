// Settings of a bucket that the sandbox stores and returns, but doesn't act on: no object expires, and
// nothing is replicated or notified.

import { AwsError } from '../../protocol/aws-error.ts'
import { parseXml } from '../../protocol/xml.ts'
import { maxBucketDocumentBytes } from '../call.ts'
import type { S3Call } from '../call.ts'
import { operation } from '../operation.ts'
import type { Operation } from '../operation.ts'
import { documentReply, emptyReply, xmlReply } from '../reply.ts'

interface BucketDocument {
  /** The subresource: the query parameter that names the document. */
  name: string
  /** The ending of its operations' names: `BucketCors` of `GetBucketCors`. */
  title: string
  root: string
  read: string
  write: string
  /** The action that DELETE needs; absent if the document has no DELETE. */
  remove?: string
  /** The error where no document is stored; null for an empty document. */
  missing: [status: number, code: string, message: string] | null
  needsDigest?: boolean
  /** Whether a bucket can have several, told apart by `id`. */
  many?: boolean
  check?: (call: S3Call) => void
}

const documents: BucketDocument[] = [
  {
    name: 'accelerate',
    title: 'BucketAccelerateConfiguration',
    root: 'AccelerateConfiguration',
    read: 'GetAccelerateConfiguration',
    write: 'PutAccelerateConfiguration',
    missing: null,
  },
  {
    name: 'cors',
    title: 'BucketCors',
    root: 'CORSConfiguration',
    read: 'GetBucketCORS',
    write: 'PutBucketCORS',
    remove: 'PutBucketCORS',
    missing: [404, 'NoSuchCORSConfiguration', 'The CORS configuration does not exist'],
  },
  {
    name: 'lifecycle',
    title: 'BucketLifecycleConfiguration',
    root: 'LifecycleConfiguration',
    read: 'GetLifecycleConfiguration',
    write: 'PutLifecycleConfiguration',
    remove: 'PutLifecycleConfiguration',
    missing: [404, 'NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
    needsDigest: true,
  },
  {
    name: 'logging',
    title: 'BucketLogging',
    root: 'BucketLoggingStatus',
    read: 'GetBucketLogging',
    write: 'PutBucketLogging',
    missing: null,
  },
  {
    name: 'notification',
    title: 'BucketNotificationConfiguration',
    root: 'NotificationConfiguration',
    read: 'GetBucketNotification',
    write: 'PutBucketNotification',
    missing: null,
  },
  {
    name: 'replication',
    title: 'BucketReplication',
    root: 'ReplicationConfiguration',
    read: 'GetReplicationConfiguration',
    write: 'PutReplicationConfiguration',
    remove: 'PutReplicationConfiguration',
    missing: [404, 'ReplicationConfigurationNotFoundError', 'The replication configuration was not found'],
    check: requireVersioning,
  },
  {
    name: 'requestPayment',
    title: 'BucketRequestPayment',
    root: 'RequestPaymentConfiguration',
    read: 'GetBucketRequestPayment',
    write: 'PutBucketRequestPayment',
    missing: null,
  },
  {
    name: 'tagging',
    title: 'BucketTagging',
    root: 'Tagging',
    read: 'GetBucketTagging',
    write: 'PutBucketTagging',
    remove: 'PutBucketTagging',
    missing: [404, 'NoSuchTagSet', 'The TagSet does not exist'],
  },
  {
    name: 'website',
    title: 'BucketWebsite',
    root: 'WebsiteConfiguration',
    read: 'GetBucketWebsite',
    write: 'PutBucketWebsite',
    remove: 'DeleteBucketWebsite',
    missing: [
      404,
      'NoSuchWebsiteConfiguration',
      'The specified bucket does not have a website configuration',
    ],
  },
  ...(['analytics', 'inventory', 'metrics', 'intelligent-tiering'] as const).map((name): BucketDocument => {
    const word = {
      analytics: 'Analytics',
      inventory: 'Inventory',
      metrics: 'Metrics',
      'intelligent-tiering': 'IntelligentTiering',
    }[name]
    return {
      name,
      title: `Bucket${word}Configuration`,
      root: `${word}Configuration`,
      read: `Get${word}Configuration`,
      write: `Put${word}Configuration`,
      remove: `Put${word}Configuration`,
      missing: [404, 'NoSuchConfiguration', 'The specified configuration does not exist.'],
      many: true,
    }
  }),
]

function requireVersioning(call: S3Call): void {
  if (call.requireBucket().versioning === 'Enabled') return
  throw new AwsError(
    400,
    'InvalidRequest',
    "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
  )
}

export const documentOperations: Operation[] = documents.flatMap((document): Operation[] => {
  const { name, title, remove } = document
  const target = document.many === true ? `bucket?${name}&id` : `bucket?${name}`
  const operations = [
    operation(`Get${title}`, `GET ${target}`, (call) => readDocument(call, document)),
    operation(`Put${title}`, `PUT ${target}`, (call) => writeDocument(call, document)),
  ]
  if (remove === undefined) return operations
  return [
    ...operations,
    operation(`Delete${title}`, `DELETE ${target}`, (call) => removeDocument(call, name, remove)),
  ]
})

function nameOf(call: S3Call, name: string): string {
  const id = call.query.get('id')
  return id === undefined ? name : `${name}:${id.slice(0, 64)}`
}

async function readDocument(call: S3Call, { name, root, read, missing }: BucketDocument) {
  const bucket = call.requireBucket()
  await call.allow(bucket, `s3:${read}`)
  const document = call.catalog.readConfiguration(bucket.id, nameOf(call, name))
  if (document !== null) return documentReply(document)
  if (missing === null) return xmlReply(root, [])
  const [status, code, message] = missing
  throw new AwsError(status, code, message, { fields: { BucketName: bucket.name } })
}

async function writeDocument(call: S3Call, { name, root, write, needsDigest, check }: BucketDocument) {
  const bucket = call.requireBucket()
  await call.allow(bucket, `s3:${write}`)
  const document = await call.readDocument(maxBucketDocumentBytes, needsDigest)
  parseXml(document, root)
  check?.(call)
  call.catalog.writeConfiguration(bucket.id, nameOf(call, name), document.toString('utf8'))
  return emptyReply(name === 'tagging' ? 204 : 200)
}

async function removeDocument(call: S3Call, name: string, action: string) {
  const bucket = call.requireBucket()
  await call.allow(bucket, `s3:${action}`)
  call.catalog.deleteConfiguration(bucket.id, nameOf(call, name))
  return emptyReply(204)
}
