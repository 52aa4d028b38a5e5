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
  /**
   * ARN of the role or user that they belong to; null for documents without one, and for a group, which
   * makes no requests.
   */
  principalArn: string | null
  /** Tags of the role or user, because policies can compare them. */
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

const limits = {
  Arn: z.string(),
  AttachedManagedPolicies: z.array(attached).default([]),
  PermissionsBoundary: z.object({ PermissionsBoundaryArn: z.string() }).optional(),
  Tags: z.array(tag).default([]),
}

/** The fields that we use of the output of `aws iam get-account-authorization-details`. */
const accountSchema = z.object({
  RoleDetailList: z.array(
    z.object({
      ...limits,
      AssumeRolePolicyDocument: z.unknown().optional(),
      RolePolicyList: z.array(inline).default([]),
    }),
  ),
  UserDetailList: z
    .array(
      z.object({
        ...limits,
        UserPolicyList: z.array(inline).default([]),
        GroupList: z.array(z.string()).default([]),
      }),
    )
    .default([]),
  GroupDetailList: z
    .array(z.object({ ...limits, GroupName: z.string(), GroupPolicyList: z.array(inline).default([]) }))
    .default([]),
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
   * The policies of a role, a user or a group.
   * @throws `not-found` if one of them is missing from the recording, because the others alone decide nothing.
   */
  policiesOf: (arn: string) => PolicySet
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
  const account = parsed.data
  return {
    trusts: new Map(
      account.RoleDetailList.map(({ Arn, AssumeRolePolicyDocument: trust }) => [
        Arn,
        trust === undefined ? null : asDocument(trust, `the trust of ${Arn}`),
      ]),
    ),
    policiesOf: (arn) => {
      const identity = findIdentity(account, arn)
      if (identity === undefined) throw missing(file, arn, accountOf(account), arn.split(':')[4])
      const { limits: entry, inline: inlinePolicies, isGroup, unrecordedGroup } = identity
      if (unrecordedGroup !== undefined)
        throw missing(file, `the group ${unrecordedGroup}, which the user belongs to`)
      const managed = (policyArn: string): NamedDocument => readManaged(account, policyArn, file)
      return {
        principalArn: isGroup ? null : arn,
        tags: Object.fromEntries(entry.Tags.map(({ Key, Value }) => [Key, Value])),
        identity: [
          ...inlinePolicies.map(({ PolicyName, PolicyDocument }) => ({
            name: PolicyName,
            document: asDocument(PolicyDocument, PolicyName),
          })),
          ...identity.attached.map(managed),
        ],
        boundary:
          entry.PermissionsBoundary === undefined
            ? null
            : managed(entry.PermissionsBoundary.PermissionsBoundaryArn),
        session: null,
        scps: [],
      }
    },
  }
}

type Account = z.infer<typeof accountSchema>

interface RecordedIdentity {
  limits: Pick<Account['RoleDetailList'][number], 'PermissionsBoundary' | 'Tags'>
  inline: z.infer<typeof inline>[]
  /** ARNs of managed policies. */
  attached: string[]
  isGroup: boolean
  /** A group of the user that the recording lacks. */
  unrecordedGroup?: string
}

function findIdentity(account: Account, arn: string): RecordedIdentity | undefined {
  const arnsOf = (entry: { AttachedManagedPolicies: { PolicyArn: string }[] }): string[] =>
    entry.AttachedManagedPolicies.map(({ PolicyArn }) => PolicyArn)
  const role = account.RoleDetailList.find(({ Arn }) => Arn === arn)
  if (role !== undefined)
    return { limits: role, inline: role.RolePolicyList, attached: arnsOf(role), isGroup: false }
  const group = account.GroupDetailList.find(({ Arn }) => Arn === arn)
  if (group !== undefined)
    return { limits: group, inline: group.GroupPolicyList, attached: arnsOf(group), isGroup: true }
  const user = account.UserDetailList.find(({ Arn }) => Arn === arn)
  if (user === undefined) return undefined
  const groups = account.GroupDetailList.filter(({ GroupName }) => user.GroupList.includes(GroupName))
  const unrecorded = user.GroupList.find((name) => !groups.some(({ GroupName }) => GroupName === name))
  return {
    limits: user,
    inline: [
      ...user.UserPolicyList,
      ...groups.flatMap(({ GroupName, GroupPolicyList }) =>
        GroupPolicyList.map((policy) => ({
          ...policy,
          PolicyName: `${policy.PolicyName} (of the group ${GroupName})`,
        })),
      ),
    ],
    attached: [...new Set([...arnsOf(user), ...groups.flatMap(arnsOf)])],
    isGroup: false,
    ...(unrecorded === undefined ? {} : { unrecordedGroup: unrecorded }),
  }
}

function readManaged(account: Account, arn: string, file: string): NamedDocument {
  const version = account.Policies.find(({ Arn }) => Arn === arn)?.PolicyVersionList.find(
    ({ IsDefaultVersion }) => IsDefaultVersion,
  )
  if (version === undefined) throw missing(file, `the policy ${arn}, which is attached to it`)
  return { name: arn, document: asDocument(version.Document, arn) }
}

/** The id of the recorded account, from the ARN of any of its identities. */
function accountOf({ RoleDetailList, UserDetailList }: Account): string | undefined {
  return [...RoleDetailList, ...UserDetailList][0]?.Arn.split(':')[4]
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

function missing(file: string, entry: string, recorded?: string, requested?: string): HoldfastError {
  const isOther = recorded !== undefined && requested !== undefined && recorded !== requested
  const where = isOther ? `: it is a recording of the account ${recorded}` : ''
  return new HoldfastError('not-found', `${file} doesn't contain ${entry}${where}`, {
    hint: isOther
      ? 'record the account that the identity belongs to'
      : 'record the account without a filter: `aws iam get-account-authorization-details --output json`',
  })
}
