// Schemas of single configuration values.
import { Region } from '@pulumi/aws/types/enums/index.js'
import { z } from 'zod'
import { nativeRetention } from '../guardrails/native-backups.ts'
import { findMayProblem } from '../guardrails/catalogue/agent-limits.ts'

const regions: readonly string[] = Object.values(Region)

export const accountId = z
  .string({ error: 'set it to the twelve digits of an AWS account, as a string' })
  .regex(/^\d{12}$/, 'set it to the twelve digits of an AWS account')

/** Empty: production is not in AWS. */
export const optionalAccountId = z
  .string({ error: 'set it to the twelve digits of an AWS account, as a string' })
  .regex(/^(?:\d{12})?$/, 'set it to the twelve digits of an AWS account, or leave it empty')
  .default('')

export const organizationId = z
  .string()
  .regex(/^o-[a-z0-9]{10,32}$/, 'set it to the id of the organization, e.g. o-a1b2c3d4e5')

export const organizationParentId = z
  .string()
  .regex(
    /^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$/,
    "set it to the id of the organization's root or of a unit in it, e.g. r-ab12",
  )

export const region = z
  .string({ error: 'set it to the region of the vault, e.g. eu-central-1' })
  .refine((name) => regions.includes(name), { error: 'is not a region of AWS' })
  .refine((name) => !/^(cn|us-gov|us-iso|eu-isoe|eusc)/.test(name), {
    error: 'is in another partition of AWS, where ARNs differ: not supported',
  })

/**
 * Empty: no checks are scheduled. A digest is required, because a moved tag would run other code with the
 * permission to read the vault.
 */
export const imageByDigest = z
  .string()
  .regex(
    /^(?:\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com\/[a-z0-9._/-]+@sha256:[0-9a-f]{64})?$/,
    'set it to the image by digest, beginning with the output imageRepository: ….dkr.ecr.….amazonaws.com/holdfast@sha256:…, or leave it empty',
  )
  .default('')

/** ARN of a role or user. It may end with `*`, because Identity Center adds a random suffix to its roles. */
const principalPattern = z
  .string()
  .regex(
    /^arn:aws:iam::\d{12}:(role|user)\/(?:[\w+=,.@-]+\/)*[\w+=,.@-]+\*?$/,
    'must be the ARN of a role or user; `*` may stand only for the end of its name',
  )
  .regex(
    /\/[\w+=,.@-]{1,64}\*?$/,
    "has a name of more than 64 characters, AWS's maximum: no principal has it",
  )
  .max(31 + 512 + 64, "has a path of more than 512 characters, AWS's maximum: no principal has it")
  .superRefine(refuseImpossibleRoles)

/**
 * A role of Identity Center lies under its own path, and its name ends with 16 characters that AWS chooses.
 * https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
 */
const identityCenterRole =
  /:role\/aws-reserved\/sso\.amazonaws\.com\/(?:[a-z0-9-]+\/)?AWSReservedSSO_(?:[\w+=,.@-]*\*|[\w+=,.@-]+_[0-9a-f]{16})$/

/** The roles of AWS's own services belong to no person and no workload. */
const serviceRole = /:role\/aws-service-role\//

function findImpossibleRole(arn: string): string | null {
  if (serviceRole.test(arn))
    return 'is a role of an AWS service, whose credentials no person has; name another'
  return arn.includes('AWSReservedSSO_') && !identityCenterRole.test(arn)
    ? 'matches no role of Identity Center; write arn:aws:iam::ACCOUNT:role/aws-reserved/sso.amazonaws.com/REGION/AWSReservedSSO_NAME_* (without REGION/ if Identity Center is in us-east-1)'
    : null
}

function refuseImpossibleRoles(arn: string, context: z.RefinementCtx): void {
  const message = findImpossibleRole(arn)
  if (message !== null) context.addIssue({ code: 'custom', message })
}

export const principals = z.array(principalPattern).default([])

const name = (maxChars: number) =>
  z
    .string()
    .max(maxChars, `at most ${maxChars} characters`)
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'use lower-case letters, digits and hyphens, e.g. rental-db')

const awsRole = z.strictObject({
  awsRoleArn: z
    .string()
    .regex(/^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'must be the ARN of one role, without `*`')
    .superRefine(refuseImpossibleRoles),
})

const oidc = z.strictObject({
  oidc: z.strictObject({
    issuer: z.url({ protocol: /^https$/, error: 'must be the https URL of the issuer' }).max(255),
    audience: z
      .string()
      .min(1)
      .regex(/^[^*?]+$/, 'must name one audience, without `*`'),
    subject: z
      .string()
      .min(1)
      .regex(/^[^*?]+$/, 'must name one subject, without `*`'),
  }),
})

const rolesAnywhere = z.strictObject({
  rolesAnywhere: z.strictObject({
    certificateAuthorityPem: z
      .string()
      .regex(
        /^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/,
        'must be a certificate in PEM form',
      ),
    commonName: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[^*?]+$/, 'must name one certificate, without `*`'),
  }),
})

/** A source's limits for one day. An alarm fires above them, and no write is stopped. */
const budget = z
  .strictObject({
    gibPerDay: z
      .int()
      .min(1, 'must be at least 1 GiB')
      .max(1_000_000, 'must be at most 1000000 GiB')
      .default(1024),
    objectsPerDay: z
      .int()
      .min(1, 'must be at least 1 object')
      .max(100_000_000, 'must be at most 100000000 objects')
      .default(100_000),
  })
  .prefault({})

export const source = z.strictObject({
  // At most 48 characters, because `holdfast-writer-NAME` is a role name, which IAM limits to 64.
  name: name(48),
  /** Region of the source's backups: the stack's own region, or one of `regions`. */
  region: region.optional(),
  /** A restore test can start a `postgres` and read its rows; of a `volume` it can only read the files. */
  kind: z
    .enum(['volume', 'postgres'], {
      error: 'must be volume, or postgres for the data directory of a PostgreSQL',
    })
    .default('volume'),
  budget,
  trust: z.union([awsRole, oidc, rolesAnywhere], {
    error:
      'must be one of {awsRoleArn}, {oidc: {issuer, audience, subject}} or {rolesAnywhere: {certificateAuthorityPem, commonName}}',
  }),
})

/** AWS Backup's own backups of the resources with one tag. */
export const nativeBackup = z.strictObject({
  tag: z
    .string()
    .regex(
      /^[A-Za-z][A-Za-z0-9_-]{0,15}=[A-Za-z0-9][A-Za-z0-9_-]{0,15}$/,
      'must be a tag as KEY=VALUE, e.g. backup=daily; each part has at most 16 letters, digits, `-` and `_`',
    ),
  schedule: z.enum(['hourly', 'twice-daily', 'daily'], { error: 'must be hourly, twice-daily or daily' }),
  retentionDays: z
    .int()
    .min(nativeRetention.minDays, "must be at least 7 days, the minimum of AWS's air-gapped vault")
    .max(
      nativeRetention.maxDays,
      "must be at most 3650 days, because a locked copy can't be removed earlier",
    ),
})

const actionPattern = /^[a-z0-9-]+:([A-Za-z][A-Za-z0-9]*\*?|\*)$/
const action = z
  .string()
  .regex(
    actionPattern,
    'must be an action such as ec2:DescribeInstances, ec2:Describe* or ec2:*; `*` alone would allow every action',
  )

export const agent = z.strictObject({
  // `holdfast agent-session revoke NAME` would be ambiguous.
  name: name(48).refine((text) => text !== 'revoke', {
    error: 'is a subcommand of `holdfast agent-session`; choose another name',
  }),
  environment: z
    .string()
    .regex(/^[\w.:/=+@-]{1,256}$/, 'set it to a value of the environment tag, e.g. staging'),
  may: z
    .array(action)
    .min(1, 'name at least one action that the agent may call')
    .superRefine((may, context) => {
      for (const [index, entry] of may.entries()) {
        const problem = actionPattern.test(entry) ? findMayProblem(entry, may) : null
        if (problem !== null) context.addIssue({ code: 'custom', path: [index], message: problem })
      }
    }),
  sessionSeconds: z
    .int()
    .min(900, 'must be at least 900 seconds, the minimum of AWS')
    .max(3600, 'must be at most 3600 seconds, because a session should end with its task')
    .default(900),
})
