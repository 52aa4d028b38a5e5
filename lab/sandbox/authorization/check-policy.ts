// Refuses, with reasons, a policy document that AWS would refuse. This runs before any evaluation.

import {
  validateIdentityPolicy,
  validateResourceControlPolicy,
  validateResourcePolicy,
  validateServiceControlPolicy,
  validateTrustPolicy,
} from '@cloud-copilot/iam-policy'
import type { ValidationError } from '@cloud-copilot/iam-policy'
import type { PolicyDocument } from '../declaration.ts'

export type PolicyKind = 'identity' | 'boundary' | 'session' | 'resource' | 'trust' | 'scp' | 'rcp'

const syntaxOf: Record<PolicyKind, (policy: unknown) => ValidationError[]> = {
  identity: validateIdentityPolicy,
  boundary: validateIdentityPolicy,
  session: validateIdentityPolicy,
  resource: validateResourcePolicy,
  trust: validateTrustPolicy,
  scp: validateServiceControlPolicy,
  rcp: validateResourceControlPolicy,
}

const baseOperators = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'NumericEquals',
  'NumericNotEquals',
  'NumericLessThan',
  'NumericLessThanEquals',
  'NumericGreaterThan',
  'NumericGreaterThanEquals',
  'DateEquals',
  'DateNotEquals',
  'DateLessThan',
  'DateLessThanEquals',
  'DateGreaterThan',
  'DateGreaterThanEquals',
  'Bool',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'ArnEquals',
  'ArnLike',
  'ArnNotEquals',
  'ArnNotLike',
].map((name) => name.toLowerCase())

// Partition, service, region and account can't hold variables. The evaluator turns them into regular
// expressions unescaped, so other characters are refused.
const arnPattern = /^(\*+|arn(:[\w*?-]*){1,3}\*|arn(:[\w*?-]*){4}:[^]+)$/

/**
 * The reasons why AWS would refuse `document` as a policy of this kind; empty if it would accept it. Never
 * throws.
 */
export function checkPolicy(kind: PolicyKind, document: unknown): string[] {
  const shape = checkShape(document)
  if (shape.length > 0) return shape
  try {
    const syntax = syntaxOf[kind](document).map(
      ({ path, message }) => `${path === '' ? 'policy' : path}: ${message}`,
    )
    if (syntax.length > 0) return syntax
    const statements = statementsOf(document as PolicyDocument)
    const problems = statements.flatMap((statement, index) =>
      checkStatement(kind, statement, `Statement[${index}]`),
    )
    return [...checkSids(kind, statements), ...problems]
  } catch (error) {
    return [`policy: ${error instanceof Error ? error.message : 'not readable'}`]
  }
}

/** Parses and checks the text of a policy, at most `limitBytes` long in UTF-8. */
export function parsePolicy(
  kind: PolicyKind,
  text: string,
  limitBytes: number,
): { document: PolicyDocument } | { problems: string[] } {
  if (Buffer.byteLength(text) > limitBytes) return { problems: [`policy: longer than ${limitBytes} bytes`] }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return { problems: ['policy: not valid JSON'] }
  }
  const problems = checkPolicy(kind, document)
  return problems.length > 0 ? { problems } : { document: document as PolicyDocument }
}

export function statementsOf(document: PolicyDocument): Record<string, unknown>[] {
  return [document.Statement].flat() as Record<string, unknown>[]
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

// The library's own check throws on a value that is not an object, so the types are checked first.
function checkShape(document: unknown): string[] {
  if (!isRecord(document)) return ['policy: not an object']
  const statements = listOf(document.Statement)
  if (statements.length === 0) return ['policy: Statement is required']
  return statements.flatMap((statement, index) => {
    const path = `Statement[${index}]`
    if (!isRecord(statement)) return [`${path}: not an object`]
    const principals = [statement.Principal, statement.NotPrincipal].filter((value) => value !== undefined)
    if (principals.some((value) => typeof value !== 'string' && !isRecord(value)))
      return [`${path}.Principal: not a string or an object`]
    const { Condition } = statement
    const isFit = Condition === undefined || (isRecord(Condition) && Object.values(Condition).every(isRecord))
    return isFit ? [] : [`${path}.Condition: not an object of objects`]
  })
}

function checkSids(kind: PolicyKind, statements: Record<string, unknown>[]): string[] {
  const sids = statements.map(({ Sid }) => Sid).filter((sid) => sid !== undefined && sid !== '') as string[]
  const problems = new Set(sids).size === sids.length ? [] : ['policy: statement ids (Sid) must be unique']
  // A bucket policy may have spaces and other characters in a Sid; IAM and Organizations accept only letters
  // and digits.
  if (kind === 'resource') return problems
  return [
    ...problems,
    ...sids
      .filter((sid) => !/^[0-9A-Za-z]*$/.test(sid))
      .map((sid) => `policy: Sid "${sid}" must be alphanumeric`),
  ]
}

function checkStatement(kind: PolicyKind, statement: Record<string, unknown>, path: string): string[] {
  const problems: string[] = []
  if (kind === 'resource') {
    if (statement.Principal === undefined && statement.NotPrincipal === undefined)
      problems.push(`${path}: Principal is required`)
    if (statement.Resource === undefined && statement.NotResource === undefined)
      problems.push(`${path}: Resource is required`)
  }
  for (const name of ['Action', 'NotAction', 'Resource', 'NotResource']) {
    if (statement[name] !== undefined && listOf(statement[name]).length === 0)
      problems.push(`${path}.${name}: empty`)
  }
  for (const resource of [...listOf(statement.Resource), ...listOf(statement.NotResource)]) {
    if (!arnPattern.test(String(resource)))
      problems.push(`${path}.Resource: "${String(resource)}" is neither an ARN nor *`)
  }
  for (const element of [statement.Principal, statement.NotPrincipal])
    problems.push(...checkPrincipal(element, `${path}.Principal`))
  for (const [operator, keys] of Object.entries(
    (statement.Condition ?? {}) as Record<string, Record<string, unknown>>,
  )) {
    problems.push(...checkCondition(operator, keys, `${path}.Condition.${operator}`))
  }
  return problems
}

const awsPrincipal = /^(\d{12}|A[0-9A-Z]{15,}|arn:[^:*?]+:(iam|sts)::(\d{12}|cloudfront):[^*?]+)$/

// "You cannot use a wildcard to match part of a principal name or ARN."
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
function checkPrincipal(element: unknown, path: string): string[] {
  if (element === undefined || element === '*') return []
  if (typeof element === 'string') return [`${path}: "${element}" is not a principal`]
  const entries = Object.entries(element as Record<string, unknown>)
  if (entries.length === 0) return [`${path}: empty`]
  return entries.flatMap(([type, values]) =>
    listOf(values).flatMap((value) => {
      const text = String(value)
      if (type === 'AWS' && text !== '*' && !awsPrincipal.test(text))
        return [`${path}.AWS: "${text}" is not a principal`]
      return text.includes('*') && text !== '*' ? [`${path}.${type}: "${text}" holds a wildcard`] : []
    }),
  )
}

function checkCondition(operator: string, keys: Record<string, unknown>, path: string): string[] {
  const base = operator.toLowerCase().replace(/^(forallvalues|foranyvalue):/, '')
  const isNull = base === 'null'
  if (!isNull && !baseOperators.includes(base.replace(/ifexists$/, ''))) return [`${path}: no such operator`]
  if (Object.keys(keys).length === 0) return [`${path}: no condition key`]
  return Object.entries(keys).flatMap(([key, values]) => {
    if (!/^[^\s:]+:.+$/.test(key)) return [`${path}: "${key}" is not a condition key`]
    const listed = listOf(values).map(String)
    if (listed.length === 0) return [`${path}.${key}: no value`]
    const odd = listed.filter((value) => !fitsOperator(isNull ? 'null' : base, value))
    return odd.map((value) => `${path}.${key}: "${value}" doesn't fit the operator`)
  })
}

function fitsOperator(base: string, value: string): boolean {
  if (base === 'null' || base.startsWith('bool'))
    return /^(true|false)$/i.test(value) || (base !== 'null' && value.includes('${'))
  if (base.startsWith('numeric')) return /^-?\d+(\.\d+)?$/.test(value)
  if (base.startsWith('date')) return toIsoDate(value) !== null
  if (base.includes('ipaddress')) return /^[0-9a-f.:]+(\/\d{1,3})?$/i.test(value)
  return true
}

/**
 * The date of a policy (ISO 8601, or seconds since the epoch) in ISO 8601 with a zone; null if it is not a
 * date. A date without a zone is UTC.
 */
export function toIsoDate(value: string): string | null {
  if (/^\d{5,12}$/.test(value)) return new Date(Number(value) * 1000).toISOString()
  const match = /^(\d{4}-\d{2}(?:-\d{2})?)(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(
    value,
  )
  if (match === null) return null
  const ms = Date.parse(match[2] === undefined ? value : `${match[1]}T${match[2]}${match[3] ?? 'Z'}`)
  return Number.isNaN(ms) ? null : new Date(ms).toISOString()
}
