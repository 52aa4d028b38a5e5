// Reads the declared inputs of the types that the sandbox emulates. An unknown property is an error, because
// the sandbox would otherwise ignore a setting that may matter.
import { z } from 'zod'
import { HoldfastError } from '../../../core/errors.ts'
import type { RecordedResource } from '../../../infra/recording.ts'

const json = z.string().transform((text, context): Record<string, unknown> => {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch {
    context.addIssue({ code: 'custom', message: 'is not a JSON document' })
    return z.NEVER
  }
})
const tags = z.record(z.string(), z.string()).default({})
const bucket = z.string()
const days = z.int().positive()

const schemas = {
  'aws:s3/bucket:Bucket': z.strictObject({
    bucket,
    bucketNamespace: z.enum(['global', 'account-regional']).optional(),
    objectLockEnabled: z.boolean().default(false),
    tags,
  }),
  'aws:s3/bucketVersioning:BucketVersioning': z.strictObject({
    bucket,
    versioningConfiguration: z.strictObject({ status: z.enum(['Enabled', 'Suspended']) }),
  }),
  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': z.strictObject({
    bucket,
    objectLockEnabled: z.literal('Enabled'),
    rule: z.strictObject({
      defaultRetention: z.strictObject({ mode: z.enum(['COMPLIANCE', 'GOVERNANCE']), days }),
    }),
  }),
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': z.strictObject({
    bucket,
    rules: z.tuple([
      z.strictObject({
        applyServerSideEncryptionByDefault: z.strictObject({
          sseAlgorithm: z.string(),
          kmsMasterKeyId: z.string().optional(),
        }),
        blockedEncryptionTypes: z.array(z.enum(['SSE-C', 'NONE'])).optional(),
      }),
    ]),
  }),
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': z.strictObject({
    bucket,
    blockPublicAcls: z.boolean(),
    blockPublicPolicy: z.boolean(),
    ignorePublicAcls: z.boolean(),
    restrictPublicBuckets: z.boolean(),
  }),
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': z.strictObject({
    bucket,
    rule: z.strictObject({ objectOwnership: z.string() }),
  }),
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': z.strictObject({
    bucket,
    rules: z.array(z.record(z.string(), z.unknown())),
  }),
  'aws:s3/bucketPolicy:BucketPolicy': z.strictObject({ bucket, policy: json }),
  'aws:iam/role:Role': z.strictObject({
    name: z.string(),
    path: z.string().default('/'),
    description: z.string().optional(),
    assumeRolePolicy: json,
    maxSessionDuration: z.int().default(3600),
    permissionsBoundary: z.string().optional(),
    tags,
  }),
  'aws:iam/rolePolicy:RolePolicy': z.strictObject({ name: z.string(), role: z.string(), policy: json }),
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': z.strictObject({
    role: z.string(),
    policyArn: z.string(),
  }),
  'aws:iam/policy:Policy': z.strictObject({
    name: z.string(),
    path: z.string().default('/'),
    description: z.string().optional(),
    policy: json,
  }),
  'aws:iam/openIdConnectProvider:OpenIdConnectProvider': z.strictObject({
    url: z.string(),
    clientIdLists: z.array(z.string()),
  }),
  'aws:kms/key:Key': z.strictObject({
    description: z.string().optional(),
    policy: json.optional(),
    customerMasterKeySpec: z.literal('ECC_NIST_P256').optional(),
    keyUsage: z.literal('SIGN_VERIFY').optional(),
    deletionWindowInDays: days.optional(),
    bypassPolicyLockoutSafetyCheck: z.boolean().optional(),
    enableKeyRotation: z.boolean().optional(),
    tags,
  }),
  'aws:kms/alias:Alias': z.strictObject({ name: z.string(), targetKeyId: z.string() }),
  'aws:organizations/policy:Policy': z.strictObject({
    name: z.string(),
    type: z.enum(['SERVICE_CONTROL_POLICY', 'RESOURCE_CONTROL_POLICY', 'S3_POLICY']),
    description: z.string().optional(),
    content: json,
  }),
  'aws:organizations/policyAttachment:PolicyAttachment': z.strictObject({
    policyId: z.string(),
    targetId: z.string(),
  }),
} as const

export type EmulatedType = keyof typeof schemas
type Inputs<Type extends EmulatedType> = z.infer<(typeof schemas)[Type]>

export interface Declared<Type extends EmulatedType> {
  type: Type
  name: string
  accountId: string
  region: string | null
  inputs: Inputs<Type>
}

export function isEmulated(type: string): type is EmulatedType {
  return Object.hasOwn(schemas, type)
}

/**
 * Every resource of `type`, with checked inputs.
 * @throws HoldfastError `internal` for a property that the sandbox would have to ignore.
 */
export function declaredOf<Type extends EmulatedType>(
  resources: readonly RecordedResource[],
  type: Type,
): Declared<Type>[] {
  return resources
    .filter((resource) => resource.type === type)
    .map(({ name, accountId, region, inputs }) => {
      const parsed = schemas[type].safeParse(inputs)
      if (!parsed.success || accountId === null) {
        throw new HoldfastError(
          'internal',
          `the sandbox can't stand in for ${type} ${name}: ${parsed.success ? 'it has no account' : z.prettifyError(parsed.error)}`,
          {
            hint: 'teach lab/sandbox/loader/declared-inputs.ts and the service the property, or leave it out of the program',
          },
        )
      }
      return { type, name, accountId, region, inputs: parsed.data as Inputs<Type> }
    })
}
