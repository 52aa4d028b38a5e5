// The policy documents that decide what an identity may do: from single files, or from a recorded account.
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { parseJsonFile } from './json-file.ts'

export type PolicyDocument = Record<string, unknown>

export interface NamedDocument {
  name: string
  document: PolicyDocument
}

export interface PolicySet {
  /** ARN of the role that they belong to; null for documents without a role. */
  principalArn: string | null
  /** Tags of the role, because policies can compare them. */
  tags: Record<string, string>
  identity: NamedDocument[]
  boundary: NamedDocument | null
  session: NamedDocument | null
  scps: NamedDocument[]
}

export interface PolicyFiles {
  identity: readonly string[]
  boundary?: string
  session?: string
  scps: readonly string[]
}

/** @throws `not-found` or `invalid-input`, naming the file. */
export function readPolicySet(files: PolicyFiles): PolicySet {
  return {
    principalArn: null,
    tags: {},
    identity: files.identity.map(readDocument),
    boundary: files.boundary === undefined ? null : readDocument(files.boundary),
    session: files.session === undefined ? null : readDocument(files.session),
    scps: files.scps.map(readDocument),
  }
}

export function readDocument(file: string): NamedDocument {
  return { name: file, document: asDocument(parseJsonFile(file, 'the policy'), file) }
}

const inline = z.object({ PolicyName: z.string(), PolicyDocument: z.unknown() })
const attached = z.object({ PolicyArn: z.string() })
const tag = z.object({ Key: z.string(), Value: z.string() })

/** The fields that we use of the output of `aws iam get-account-authorization-details`. */
const accountSchema = z.object({
  RoleDetailList: z.array(
    z.object({
      Arn: z.string(),
      AssumeRolePolicyDocument: z.unknown().optional(),
      RolePolicyList: z.array(inline).default([]),
      AttachedManagedPolicies: z.array(attached).default([]),
      PermissionsBoundary: z.object({ PermissionsBoundaryArn: z.string() }).optional(),
      Tags: z.array(tag).default([]),
    }),
  ),
  Policies: z.array(
    z.object({
      Arn: z.string(),
      PolicyVersionList: z.array(z.object({ IsDefaultVersion: z.boolean(), Document: z.unknown() })),
    }),
  ),
  IsTruncated: z.boolean().optional(),
})

export interface RecordedAccount {
  /** Trust policies by the role's ARN; null if the recording lacks one. */
  trusts: ReadonlyMap<string, PolicyDocument | null>
  /**
   * The policies of a role.
   * @throws `not-found` if one of them is missing from the recording, because the others alone decide nothing.
   */
  policiesOf: (roleArn: string) => PolicySet
}

/** @throws `not-found` or `invalid-input`, naming the file. */
export function readRecordedAccount(file: string): RecordedAccount {
  const parsed = accountSchema.safeParse(parseJsonFile(file, 'the recorded account'))
  if (!parsed.success || parsed.data.IsTruncated === true) {
    throw new HoldfastError(
      'invalid-input',
      `${file} is not a complete recording of an account's identities`,
      {
        hint: 'write it with `aws iam get-account-authorization-details --output json > FILE`, which fetches every page',
      },
    )
  }
  const { RoleDetailList: roles, Policies: policies } = parsed.data
  const managed = (arn: string): NamedDocument => {
    const version = policies
      .find(({ Arn }) => Arn === arn)
      ?.PolicyVersionList.find(({ IsDefaultVersion }) => IsDefaultVersion)
    if (version === undefined) throw missing(file, `the policy ${arn}, which is attached to the role`)
    return { name: arn, document: asDocument(version.Document, arn) }
  }
  return {
    trusts: new Map(
      roles.map(({ Arn, AssumeRolePolicyDocument: trust }) => [
        Arn,
        trust === undefined ? null : asDocument(trust, `the trust of ${Arn}`),
      ]),
    ),
    policiesOf: (roleArn) => {
      const role = roles.find(({ Arn }) => Arn === roleArn)
      if (role === undefined) throw missing(file, `the role ${roleArn}`)
      return {
        principalArn: roleArn,
        tags: Object.fromEntries(role.Tags.map(({ Key, Value }) => [Key, Value])),
        identity: [
          ...role.RolePolicyList.map(({ PolicyName, PolicyDocument }) => ({
            name: PolicyName,
            document: asDocument(PolicyDocument, PolicyName),
          })),
          ...role.AttachedManagedPolicies.map(({ PolicyArn }) => managed(PolicyArn)),
        ],
        boundary:
          role.PermissionsBoundary === undefined
            ? null
            : managed(role.PermissionsBoundary.PermissionsBoundaryArn),
        session: null,
        scps: [],
      }
    },
  }
}

/** Accepts the API's form too: JSON in percent-encoding. */
export function asDocument(value: unknown, name: string): PolicyDocument {
  const decoded = typeof value === 'string' ? decode(value) : value
  if (typeof decoded === 'object' && decoded !== null && !Array.isArray(decoded) && 'Statement' in decoded)
    return { ...decoded }
  throw new HoldfastError('invalid-input', `${name} is not a policy document: it has no Statement`, {
    hint: 'pass the document itself, as IAM stores it',
  })
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('%') ? decodeURIComponent(text) : text)
  } catch {
    return null
  }
}

function missing(file: string, entry: string): HoldfastError {
  return new HoldfastError('not-found', `${file} doesn't contain ${entry}`, {
    hint: 'record the account without a filter: `aws iam get-account-authorization-details --output json`',
  })
}
