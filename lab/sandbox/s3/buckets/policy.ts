// The policy of a bucket.

import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { S3Call } from '../call.ts'
import type { Bucket } from '../model.ts'
import { emptyReply, xmlReply } from '../reply.ts'
import { publicAccessBlockOf } from './acl.ts'

const maxPolicyBytes = 20 * 1024

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
  return xmlReply('PolicyStatus', [['IsPublic', isPublic]])
}

export async function putPolicy(call: S3Call): Promise<ServiceReply> {
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:PutBucketPolicy')
  const policy = readPolicy((await call.readDocument(maxPolicyBytes)).toString('utf8'), bucket)
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

// True for an Allow to everyone without a condition. S3 reads conditions more finely, and also treats a
// doubtful policy as public.
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
