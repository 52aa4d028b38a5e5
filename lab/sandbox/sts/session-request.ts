// Reads and checks the parameters of a session as STS does: name, duration, tags, source identity, session
// policies.

import { deflateRawSync } from 'node:zlib'
import { parsePolicy } from '../authorization/check-policy.ts'
import type { CloudDeclaration, DeclaredRole, PolicyDocument } from '../declaration.ts'
import { AwsError } from '../protocol/aws-error.ts'
import { invalid, optionalInteger, optionalText, requiredText } from './form.ts'
import type { Form, TextRule } from './form.ts'

export const nameRule: TextRule = { min: 2, max: 64, pattern: /^[\w+=,.@-]*$/, printed: '[\\w+=,.@-]*' }
const arnRule: TextRule = {
  min: 20,
  max: 2048,
  pattern: /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD]+$/,
  printed: '[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+',
}

const maxPolicyCharacters = 2048
const maxPolicyArns = 10
const maxTags = 50
const tagPattern = 'Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]'
/** AWS packs policies and tags in an unpublished format with an unpublished limit. Deflated JSON comes close. */
const packedLimitBytes = 2048

export interface SessionPolicies {
  documents: PolicyDocument[]
  /** Percent of the limit. */
  packedPercent: number
}

export interface SessionTags {
  tags: Record<string, string>
  transitiveKeys: string[]
}

export function readRoleArn(form: Form): string {
  const roleArn = requiredText(form, 'RoleArn', arnRule)
  if (!/^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(roleArn))
    throw new AwsError(400, 'ValidationError', `${roleArn.slice(0, 200)} is invalid`)
  return roleArn
}

/** Seconds; null if the request leaves the duration to STS. */
export function readDuration(form: Form): number | null {
  return optionalInteger(form, 'DurationSeconds', 900, 43_200)
}

export function roleSeconds(role: DeclaredRole, requested: number | null): number {
  if (requested !== null && requested > role.maxSessionSeconds) {
    throw new AwsError(
      400,
      'ValidationError',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    )
  }
  return requested ?? Math.min(3600, role.maxSessionSeconds)
}

export function readSourceIdentity(form: Form): string | null {
  return checkSourceIdentity(optionalText(form, 'SourceIdentity', nameRule))
}

export function checkSourceIdentity(value: string | null): string | null {
  if (
    value !== null &&
    (!nameRule.pattern.test(value) || value.length < 2 || value.length > 64 || /^aws:/i.test(value))
  ) {
    throw invalid(
      'sourceIdentity',
      value,
      `Member must satisfy regular expression pattern: ${nameRule.printed}`,
    )
  }
  return value
}

/** Session tags of AssumeRole's parameters. */
export function readTags(form: Form): SessionTags {
  const pairs = form
    .members('Tags', maxTags)
    .map((path): [string, string] => [form.text(`${path}.Key`) ?? '', form.text(`${path}.Value`) ?? ''])
  const transitiveKeys = form.members('TransitiveTagKeys', maxTags).map((path) => form.text(path) ?? '')
  return checkTags(pairs, transitiveKeys)
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html */
export function checkTags(pairs: [string, string][], transitiveKeys: string[]): SessionTags {
  const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u
  if (pairs.length > maxTags)
    throw invalid('tags', null, `Member must have length less than or equal to ${maxTags}`)
  for (const [key, value] of pairs) {
    if (key.length < 1 || key.length > 128 || !allowed.test(key))
      throw invalid('tags', null, `${tagPattern}+`)
    if (value.length > 256 || !allowed.test(value)) throw invalid('tags', null, `${tagPattern}*`)
    if (/^aws:/i.test(key)) throw invalid('tags', null, "Tag keys must not start with 'aws:'")
  }
  const lower = pairs.map(([key]) => key.toLowerCase())
  if (new Set(lower).size !== lower.length) {
    throw new AwsError(
      400,
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    )
  }
  const missing = transitiveKeys.find((key) => !lower.includes(key.toLowerCase()))
  if (missing !== undefined) {
    throw new AwsError(
      400,
      'InvalidParameterValue',
      'The specified transitive tag key must be included in the requested tags.',
    )
  }
  return { tags: Object.fromEntries(pairs), transitiveKeys }
}

/** The session policies, inline and by ARN. Only managed policies that the program declares exist here. */
export function readPolicies(
  form: Form,
  role: DeclaredRole,
  declaration: CloudDeclaration,
  tags: SessionTags,
): SessionPolicies {
  const inline = form.text('Policy')
  const arns = form
    .members('PolicyArns', maxPolicyArns)
    .map((path) => requiredText(form, `${path}.arn`, arnRule))
  const documents: PolicyDocument[] = []
  if (inline !== null) {
    if (inline.length < 1)
      throw invalid('policy', inline, 'Member must have length greater than or equal to 1')
    if (inline.length > maxPolicyCharacters) {
      throw invalid('policy', null, `Member must have length less than or equal to ${maxPolicyCharacters}`)
    }
    const parsed = parsePolicy('session', inline, maxPolicyCharacters * 4)
    if ('problems' in parsed) throw malformedPolicy(parsed.problems)
    documents.push(parsed.document)
  }
  for (const arn of arns) documents.push(findManaged(arn, role, declaration))
  const packed = deflateRawSync(JSON.stringify([inline, arns, tags.tags, tags.transitiveKeys])).length
  const isEmpty = documents.length + Object.keys(tags.tags).length === 0
  const packedPercent = isEmpty ? 0 : Math.max(1, Math.round((packed / packedLimitBytes) * 100))
  if (packedPercent > 100) {
    throw new AwsError(
      400,
      'PackedPolicyTooLarge',
      `Packed policy consumes ${packedPercent}% of allotted space, please use smaller policy.`,
    )
  }
  return { documents, packedPercent }
}

function findManaged(arn: string, role: DeclaredRole, { roles }: CloudDeclaration): PolicyDocument {
  const isAttachable =
    arn.startsWith('arn:aws:iam::aws:policy/') || arn.startsWith(`arn:aws:iam::${role.accountId}:policy/`)
  const policy = roles
    .flatMap(({ policies, boundary }) => [...policies, ...(boundary === null ? [] : [boundary])])
    .find(({ name }) => name === arn)
  if (!isAttachable || policy === undefined)
    throw malformedPolicy([`${arn} does not exist or is not attachable`])
  return policy.document
}

function malformedPolicy(problems: string[]): AwsError {
  const shown = problems.slice(0, 3).join('; ').slice(0, 500)
  return new AwsError(
    400,
    'MalformedPolicyDocument',
    `The policy is not in the valid JSON format or can't be used: ${shown}`,
  )
}
