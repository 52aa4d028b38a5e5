// The calls that list the policies of a role, a user or a group: the same three, under three names.
import {
  GetGroupPolicyCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
} from '@aws-sdk/client-iam'
import type { IAMClient } from '@aws-sdk/client-iam'
import { HoldfastError } from '../core/errors.ts'

export type PrincipalType = 'role' | 'user' | 'group'

export interface PrincipalName {
  type: PrincipalType
  name: string
}

interface Abort {
  abortSignal?: AbortSignal
}

interface NamePage {
  PolicyNames?: string[] | undefined
  IsTruncated?: boolean | undefined
  Marker?: string | undefined
}

interface AttachmentPage {
  AttachedPolicies?: { PolicyArn?: string | undefined }[] | undefined
  IsTruncated?: boolean | undefined
  Marker?: string | undefined
}

export interface PolicyCalls {
  listInline: (Marker: string | undefined, abort: Abort) => Promise<NamePage>
  listAttached: (Marker: string | undefined, abort: Abort) => Promise<AttachmentPage>
  getInline: (PolicyName: string, abort: Abort) => Promise<{ PolicyDocument?: string | undefined }>
}

export function policyCalls(client: IAMClient, { type, name }: PrincipalName): PolicyCalls {
  switch (type) {
    case 'role':
      return {
        listInline: (Marker, abort) =>
          client.send(new ListRolePoliciesCommand({ RoleName: name, Marker }), abort),
        listAttached: (Marker, abort) =>
          client.send(new ListAttachedRolePoliciesCommand({ RoleName: name, Marker }), abort),
        getInline: (PolicyName, abort) =>
          client.send(new GetRolePolicyCommand({ RoleName: name, PolicyName }), abort),
      }
    case 'user':
      return {
        listInline: (Marker, abort) =>
          client.send(new ListUserPoliciesCommand({ UserName: name, Marker }), abort),
        listAttached: (Marker, abort) =>
          client.send(new ListAttachedUserPoliciesCommand({ UserName: name, Marker }), abort),
        getInline: (PolicyName, abort) =>
          client.send(new GetUserPolicyCommand({ UserName: name, PolicyName }), abort),
      }
    case 'group':
      return {
        listInline: (Marker, abort) =>
          client.send(new ListGroupPoliciesCommand({ GroupName: name, Marker }), abort),
        listAttached: (Marker, abort) =>
          client.send(new ListAttachedGroupPoliciesCommand({ GroupName: name, Marker }), abort),
        getInline: (PolicyName, abort) =>
          client.send(new GetGroupPolicyCommand({ GroupName: name, PolicyName }), abort),
      }
  }
}

/** A name, whose ARN may have a path before it. */
const principalArn =
  /^arn:aws[a-z-]{0,20}:iam::\d{12}:(role|user|group)\/(?:[\x21-\x7e]{1,511}\/)?([\w+=,.@-]{1,128})$/

/** @throws `invalid-input` for anything but the ARN of a role, a user or a group. */
export function parsePrincipalArn(arn: string): PrincipalName {
  const [, type, name] = principalArn.exec(arn) ?? []
  if (type !== undefined && name !== undefined) return { type: type as PrincipalType, name }
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(arn.slice(0, 120))} is not the ARN of a role, a user or a group`,
    { hint: 'pass it as arn:aws:iam::<account>:role/<name>, or with user or group instead of role' },
  )
}
