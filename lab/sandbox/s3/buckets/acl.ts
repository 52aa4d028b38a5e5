// Access control lists. By default the bucket's owner owns all objects, and S3 refuses lists.

import { createHash } from 'node:crypto'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { XmlElement } from '../../protocol/xml.ts'
import type { S3Call } from '../call.ts'
import type { Bucket } from '../model.ts'

const canned = new Set([
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
  'log-delivery-write',
])

/** S3's id of an account: 64 hex digits. */
export function canonicalId(accountId: string): string {
  return createHash('sha256').update(`canonical-user:${accountId}`).digest('hex')
}

export function ownershipOf(call: S3Call, bucket: Bucket): string {
  return call.catalog.readConfiguration(bucket.id, 'ownershipControls') ?? 'BucketOwnerEnforced'
}

interface PublicAccessBlock {
  blockPublicAcls: boolean
  ignorePublicAcls: boolean
  blockPublicPolicy: boolean
  restrictPublicBuckets: boolean
}

export function publicAccessBlockOf(call: S3Call, bucket: Bucket): PublicAccessBlock | null {
  const document = call.catalog.readConfiguration(bucket.id, 'publicAccessBlock')
  return document === null ? null : (JSON.parse(document) as PublicAccessBlock)
}

/** The canned list in a request. Throws AccessControlListNotSupported, or AccessDenied for a public list. */
export function checkAclHeaders(call: S3Call, bucket: Bucket): string {
  const name = call.header('x-amz-acl')
  const grants = Object.entries(call.request.headers).filter(([header]) => header.startsWith('x-amz-grant-'))
  if (name === null && grants.length === 0) return 'private'
  if (name !== null && grants.length > 0)
    throw new AwsError(400, 'InvalidRequest', 'Specifying both Canned ACLs and Header Grants is not allowed')
  if (name !== null && !canned.has(name))
    throw new AwsError(400, 'InvalidArgument', '', {
      fields: { ArgumentName: 'x-amz-acl', ArgumentValue: name.slice(0, 128) },
    })
  return checkAcl(
    call,
    bucket,
    name ?? 'custom',
    grants.some(([, value]) => /global\/(AllUsers|AuthenticatedUsers)/.test(value)),
  )
}

export function checkAcl(call: S3Call, bucket: Bucket, name: string, grantsPublic: boolean): string {
  if (ownershipOf(call, bucket) === 'BucketOwnerEnforced' && name !== 'bucket-owner-full-control') {
    throw new AwsError(400, 'AccessControlListNotSupported', 'The bucket does not allow ACLs')
  }
  const isPublic = grantsPublic || name.startsWith('public-') || name === 'authenticated-read'
  if (isPublic && publicAccessBlockOf(call, bucket)?.blockPublicAcls === true) throw denyAccess()
  return name
}

const allUsers = 'http://acs.amazonaws.com/groups/global/AllUsers'
const authenticatedUsers = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers'
const instance = 'http://www.w3.org/2001/XMLSchema-instance'

export function renderAcl(ownerAccountId: string, name: string): XmlElement[] {
  const owner = canonicalId(ownerAccountId)
  const grant = (type: string, grantee: XmlElement, permission: string): XmlElement => [
    'Grant',
    [
      [`Grantee xmlns:xsi="${instance}" xsi:type="${type}"`, [grantee]],
      ['Permission', permission],
    ],
  ]
  const grants = [grant('CanonicalUser', ['ID', owner], 'FULL_CONTROL')]
  if (name.startsWith('public-read')) grants.push(grant('Group', ['URI', allUsers], 'READ'))
  if (name === 'public-read-write') grants.push(grant('Group', ['URI', allUsers], 'WRITE'))
  if (name === 'authenticated-read') grants.push(grant('Group', ['URI', authenticatedUsers], 'READ'))
  return [
    ['Owner', [['ID', owner]]],
    ['AccessControlList', grants],
  ]
}
