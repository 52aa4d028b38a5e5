// The settings of a bucket that S3 acts on: versioning, policy, encryption, public access, ownership, access control list.

import { aclKeys } from '../../condition-keys/s3.ts'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import {
  childOf,
  childrenOf,
  expectOnly,
  parseXml,
  refuseXml,
  renderXml,
  textOf,
} from '../../protocol/xml.ts'
import type { XmlNode } from '../../protocol/xml.ts'
import { emptyReply, xmlReply } from '../call.ts'
import type { S3Call } from '../call.ts'
import type { Bucket } from '../model.ts'
import { s3Namespace } from '../objects/delete-objects.ts'
import { checkAcl, checkAclHeaders, ownershipOf, publicAccessBlockOf, renderAcl } from './acl.ts'

const longestDocumentBytes = 256 * 1024
const longestPolicyBytes = 20 * 1024

export async function getVersioning(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketVersioning')
  return xmlReply(200, renderXml('VersioningConfiguration', s3Namespace, [['Status', bucket.versioning]]))
}

export async function putVersioning(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketVersioning')
  const root = parseXml(await call.readDocument(longestDocumentBytes), 'VersioningConfiguration')
  expectOnly(root, 'Status', 'MfaDelete', 'MFADelete')
  const status = textOf(root, 'Status')
  if (status !== 'Enabled' && status !== 'Suspended')
    throw new AwsError(
      400,
      'IllegalVersioningConfigurationException',
      'The Versioning element must be specified',
    )
  if ((textOf(root, 'MfaDelete') ?? textOf(root, 'MFADelete') ?? 'Disabled') !== 'Disabled')
    throw new AwsError(501, 'NotImplemented', 'MFA Delete is not implemented')
  call.catalog.transact(() => {
    const current = call.findBucket(bucket.name)
    if (status === 'Suspended' && current.lockEnabled) {
      call.recordLock('s3:PutBucketVersioning', bucket, '', 'Object Lock keeps versioning on')
      throw new AwsError(
        409,
        'InvalidBucketState',
        'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
      )
    }
    call.catalog.updateBucket({ ...current, versioning: status })
  })
  return emptyReply(200)
}

export async function getPolicy(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketPolicy')
  return { status: 200, headers: { 'content-type': 'application/json' }, body: requirePolicy(call, bucket) }
}

function requirePolicy(call: S3Call, bucket: Bucket): string {
  const document = call.catalog.readConfiguration(bucket.id, 'policy')
  if (document === null)
    throw new AwsError(404, 'NoSuchBucketPolicy', 'The bucket policy does not exist', {
      fields: { BucketName: bucket.name },
    })
  return document
}

export async function getPolicyStatus(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketPolicyStatus')
  const isPublic = isPublicPolicy(JSON.parse(requirePolicy(call, bucket)) as PolicyShape)
  return xmlReply(200, renderXml('PolicyStatus', s3Namespace, [['IsPublic', isPublic]]))
}

export async function putPolicy(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketPolicy')
  const policy = readPolicy((await call.readDocument(longestPolicyBytes)).toString('utf8'), bucket)
  if (isPublicPolicy(policy) && publicAccessBlockOf(call, bucket)?.blockPublicPolicy === true)
    throw denyAccess()
  call.catalog.writeConfiguration(bucket.id, 'policy', JSON.stringify(policy))
  return emptyReply(204)
}

export async function deletePolicy(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:DeleteBucketPolicy')
  call.catalog.deleteConfiguration(bucket.id, 'policy')
  return emptyReply(204)
}

interface PolicyShape {
  Statement: StatementShape[]
}

type StatementShape = Record<string, unknown>

function readPolicy(text: string, bucket: Bucket): PolicyShape {
  const malformed = (message: string) => new AwsError(400, 'MalformedPolicy', message)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new AwsError(400, 'MalformedPolicy', "Policies must be valid JSON and the first byte must be '{'", {
      cause: error,
    })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw malformed("Policies must be valid JSON and the first byte must be '{'")
  const policy = parsed as Record<string, unknown>
  if (policy.Version !== '2012-10-17' && policy.Version !== '2008-10-17')
    throw malformed('The policy must contain a valid version string')
  const statements: unknown[] = Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement]
  for (const statement of statements) checkStatement(statement, bucket, malformed)
  return { ...policy, Statement: statements as StatementShape[] }
}

function checkStatement(statement: unknown, bucket: Bucket, malformed: (message: string) => AwsError): void {
  if (typeof statement !== 'object' || statement === null || Array.isArray(statement))
    throw malformed('Missing required field Statement')
  const { Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource } =
    statement as StatementShape
  if (Effect !== 'Allow' && Effect !== 'Deny') throw malformed('Invalid effect')
  if ((Principal === undefined) === (NotPrincipal === undefined))
    throw malformed('Missing required field Principal')
  if ((Action === undefined) === (NotAction === undefined)) throw malformed('Missing required field Action')
  const resources = textsOf(Resource ?? NotResource)
  const arn = `arn:aws:s3:::${bucket.name}`
  if (
    resources.length === 0 ||
    resources.some((resource) => resource !== '*' && resource !== arn && !resource.startsWith(`${arn}/`))
  )
    throw malformed('Policy has invalid resource')
  if (
    textsOf(Action ?? NotAction).some((action) => action !== '*' && !action.toLowerCase().startsWith('s3:'))
  )
    throw malformed('Policy has invalid action')
}

function textsOf(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((item) => typeof item === 'string')
}

// Allows everyone without a condition. S3's own reading of conditions is finer; a doubtful policy counts as public there too.
function isPublicPolicy({ Statement }: PolicyShape): boolean {
  return Statement.some(({ Effect, Principal, Condition }) => {
    const everyone =
      Principal === '*' ||
      (typeof Principal === 'object' &&
        Principal !== null &&
        textsOf((Principal as { AWS?: unknown }).AWS).includes('*'))
    return (
      Effect === 'Allow' &&
      everyone &&
      (Condition === undefined || Object.keys(Condition as object).length === 0)
    )
  })
}

export async function getEncryption(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetEncryptionConfiguration')
  const document = call.catalog.readConfiguration(bucket.id, 'encryption')
  const { algorithm, kmsKeyId } =
    document === null
      ? { algorithm: 'AES256', kmsKeyId: null }
      : (JSON.parse(document) as { algorithm: string; kmsKeyId: string | null })
  return xmlReply(
    200,
    renderXml('ServerSideEncryptionConfiguration', s3Namespace, [
      [
        'Rule',
        [
          [
            'ApplyServerSideEncryptionByDefault',
            [
              ['SSEAlgorithm', algorithm],
              ['KMSMasterKeyID', kmsKeyId],
            ],
          ],
          ['BucketKeyEnabled', false],
        ],
      ],
    ]),
  )
}

export async function putEncryption(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutEncryptionConfiguration')
  const root = parseXml(await call.readDocument(longestDocumentBytes), 'ServerSideEncryptionConfiguration')
  expectOnly(root, 'Rule')
  const rule = childOf(root, 'Rule') ?? refuseXml()
  expectOnly(rule, 'ApplyServerSideEncryptionByDefault', 'BucketKeyEnabled', 'BlockedEncryptionTypes')
  const byDefault = childOf(rule, 'ApplyServerSideEncryptionByDefault')
  const algorithm = byDefault === null ? 'AES256' : (textOf(byDefault, 'SSEAlgorithm') ?? '')
  const kmsKeyId = byDefault === null ? null : textOf(byDefault, 'KMSMasterKeyID')
  if (!['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm)) refuseXml()
  if (algorithm === 'AES256' && kmsKeyId !== null)
    throw new AwsError(
      400,
      'InvalidArgument',
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
    )
  call.catalog.writeConfiguration(bucket.id, 'encryption', JSON.stringify({ algorithm, kmsKeyId }))
  return emptyReply(200)
}

/** Back to SSE-S3: since 2023 there is no bucket without encryption. */
export async function deleteEncryption(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutEncryptionConfiguration')
  call.catalog.deleteConfiguration(bucket.id, 'encryption')
  return emptyReply(204)
}

const blockNames = [
  'BlockPublicAcls',
  'IgnorePublicAcls',
  'BlockPublicPolicy',
  'RestrictPublicBuckets',
] as const

export async function getPublicAccessBlock(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketPublicAccessBlock')
  const block = publicAccessBlockOf(call, bucket)
  if (block === null)
    throw new AwsError(
      404,
      'NoSuchPublicAccessBlockConfiguration',
      'The public access block configuration was not found',
      { fields: { BucketName: bucket.name } },
    )
  return xmlReply(
    200,
    renderXml('PublicAccessBlockConfiguration', s3Namespace, [
      ['BlockPublicAcls', block.blockPublicAcls],
      ['IgnorePublicAcls', block.ignorePublicAcls],
      ['BlockPublicPolicy', block.blockPublicPolicy],
      ['RestrictPublicBuckets', block.restrictPublicBuckets],
    ]),
  )
}

export async function putPublicAccessBlock(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketPublicAccessBlock')
  const root = parseXml(await call.readDocument(longestDocumentBytes), 'PublicAccessBlockConfiguration')
  expectOnly(root, ...blockNames)
  const [blockPublicAcls, ignorePublicAcls, blockPublicPolicy, restrictPublicBuckets] = blockNames.map(
    (name) => readFlag(root, name),
  )
  call.catalog.writeConfiguration(
    bucket.id,
    'publicAccessBlock',
    JSON.stringify({ blockPublicAcls, ignorePublicAcls, blockPublicPolicy, restrictPublicBuckets }),
  )
  return emptyReply(200)
}

function readFlag(root: XmlNode, name: string): boolean {
  const text = textOf(root, name)?.toLowerCase() ?? 'false'
  if (text !== 'true' && text !== 'false') refuseXml()
  return text === 'true'
}

export async function deletePublicAccessBlock(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketPublicAccessBlock')
  call.catalog.deleteConfiguration(bucket.id, 'publicAccessBlock')
  return emptyReply(204)
}

export async function getOwnership(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketOwnershipControls')
  return xmlReply(
    200,
    renderXml('OwnershipControls', s3Namespace, [['Rule', [['ObjectOwnership', ownershipOf(call, bucket)]]]]),
  )
}

export async function putOwnership(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketOwnershipControls')
  const root = parseXml(await call.readDocument(longestDocumentBytes), 'OwnershipControls')
  const rule = childOf(root, 'Rule') ?? refuseXml()
  const ownership = textOf(rule, 'ObjectOwnership') ?? ''
  if (!['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'].includes(ownership)) refuseXml()
  call.catalog.writeConfiguration(bucket.id, 'ownershipControls', ownership)
  return emptyReply(200)
}

export async function deleteOwnership(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketOwnershipControls')
  // Without controls a bucket is as before there were any: whoever writes an object owns it.
  call.catalog.writeConfiguration(bucket.id, 'ownershipControls', 'ObjectWriter')
  return emptyReply(204)
}

export async function getBucketAcl(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:GetBucketAcl')
  return xmlReply(
    200,
    renderXml(
      'AccessControlPolicy',
      s3Namespace,
      renderAcl(bucket.accountId, call.catalog.readConfiguration(bucket.id, 'acl') ?? 'private'),
    ),
  )
}

export async function putBucketAcl(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  const acl = call.header('x-amz-acl')
  await call.allow(bucket, 's3:PutBucketAcl', null, aclKeys(acl))
  call.catalog.writeConfiguration(bucket.id, 'acl', await readAcl(call, bucket))
  return emptyReply(200)
}

/** From a header, or from a document whose grants are only looked at for the groups that mean everyone. */
export async function readAcl(call: S3Call, bucket: Bucket): Promise<string> {
  const document = await call.readDocument(longestDocumentBytes)
  const hasHeaders = Object.keys(call.request.headers).some(
    (name) => name === 'x-amz-acl' || name.startsWith('x-amz-grant-'),
  )
  if (hasHeaders) {
    if (document.length > 0)
      throw new AwsError(400, 'UnexpectedContent', 'This request does not support content.')
    return checkAclHeaders(call, bucket)
  }
  if (document.length === 0)
    throw new AwsError(400, 'MissingSecurityHeader', 'Your request was missing a required header')
  const root = parseXml(document, 'AccessControlPolicy')
  expectOnly(root, 'Owner', 'AccessControlList')
  const grants = childrenOf(childOf(root, 'AccessControlList') ?? refuseXml(), 'Grant')
  const toEveryone = grants.some((grant) =>
    /global\/(AllUsers|AuthenticatedUsers)$/.test(textOf(childOf(grant, 'Grantee') ?? '', 'URI') ?? ''),
  )
  return checkAcl(
    call,
    bucket,
    toEveryone ? 'public-read' : grants.length <= 1 ? 'bucket-owner-full-control' : 'custom',
    toEveryone,
  )
}
