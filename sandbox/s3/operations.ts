// The table of S3's operations: which method, level and subresource mean which action.

import { AwsError } from '../aws-error.ts'
import type { ServiceReply } from '../service.ts'
import type { S3Call } from './call.ts'
import { deleteObject, deleteObjects } from './delete-objects.ts'
import { getObject } from './get-object.ts'
import { listObjects, listObjectsV2, listObjectVersions } from './list-operations.ts'
import { getLegalHold, getLockConfiguration, getRetention, putLegalHold, putLockConfiguration, putRetention } from './lock-operations.ts'
import { putObject } from './put-object.ts'

export interface Operation {
  name: string
  level: 'account' | 'bucket' | 'object'
  method: string
  /** Query parameters that single it out, as `name` or `name=value`. */
  query?: string[]
  /** A header that singles it out. */
  header?: string
  handle: (call: S3Call) => Promise<ServiceReply>
}

const operations: Operation[] = [
  { name: 'PutObject', level: 'object', method: 'PUT', handle: putObject },
  { name: 'GetObject', level: 'object', method: 'GET', handle: getObject },
  { name: 'HeadObject', level: 'object', method: 'HEAD', handle: getObject },
  { name: 'DeleteObject', level: 'object', method: 'DELETE', handle: deleteObject },
  { name: 'DeleteObjects', level: 'bucket', method: 'POST', query: ['delete'], handle: deleteObjects },
  { name: 'GetObjectRetention', level: 'object', method: 'GET', query: ['retention'], handle: getRetention },
  { name: 'PutObjectRetention', level: 'object', method: 'PUT', query: ['retention'], handle: putRetention },
  { name: 'GetObjectLegalHold', level: 'object', method: 'GET', query: ['legal-hold'], handle: getLegalHold },
  { name: 'PutObjectLegalHold', level: 'object', method: 'PUT', query: ['legal-hold'], handle: putLegalHold },
  { name: 'GetObjectLockConfiguration', level: 'bucket', method: 'GET', query: ['object-lock'], handle: getLockConfiguration },
  { name: 'PutObjectLockConfiguration', level: 'bucket', method: 'PUT', query: ['object-lock'], handle: putLockConfiguration },
  { name: 'ListObjects', level: 'bucket', method: 'GET', handle: listObjects },
  { name: 'ListObjectsV2', level: 'bucket', method: 'GET', query: ['list-type=2'], handle: listObjectsV2 },
  { name: 'ListObjectVersions', level: 'bucket', method: 'GET', query: ['versions'], handle: listObjectVersions },
]

// Subresources that S3 has and the sandbox doesn't: a request for one must not be taken for the plain operation.
const subresources = new Set([
  'accelerate', 'acl', 'analytics', 'annotation', 'attributes', 'cors', 'delete', 'encryption', 'intelligent-tiering', 'inventory', 'legal-hold',
  'lifecycle', 'location', 'logging', 'metadataConfiguration', 'metadataTable', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'policy',
  'policyStatus', 'publicAccessBlock', 'rename', 'renameObject', 'replication', 'requestPayment', 'restore', 'retention', 'select', 'session', 'tagging', 'torrent',
  'uploadId', 'uploads', 'versioning', 'versions', 'website', 'abac',
])

/** The most specific operation that fits. Throws NotImplemented, or MethodNotAllowed. */
export function findOperation(call: S3Call): Operation {
  const level = call.bucketName === null ? 'account' : call.key === null ? 'bucket' : 'object'
  let best: Operation | null = null
  for (const operation of operations) {
    if (operation.level !== level || operation.method !== call.request.method || !fits(operation, call)) continue
    if (best === null || weight(operation) > weight(best)) best = operation
  }
  const unknown = [...call.query.keys()].find((name) => subresources.has(name) && !namesQuery(best, name))
  if (unknown !== undefined) throw new AwsError(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented', { fields: { Header: unknown } })
  if (best === null) {
    throw new AwsError(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.', { fields: { Method: call.request.method, ResourceType: level.toUpperCase() } })
  }
  return best
}

function fits(operation: Operation, call: S3Call): boolean {
  if (operation.header !== undefined && call.header(operation.header) === null) return false
  return (operation.query ?? []).every((part) => {
    const [name = '', value] = part.split('=')
    return value === undefined ? call.query.has(name) : call.query.get(name) === value
  })
}

function namesQuery(operation: Operation | null, name: string): boolean {
  return (operation?.query ?? []).some((part) => part.split('=')[0] === name)
}

function weight({ query, header }: Operation): number {
  return (query?.length ?? 0) * 2 + (header === undefined ? 0 : 1)
}
