// Reads the query protocol: a form of named parameters, with lists as `Tags.member.1.Key`.

import { AwsError } from '../protocol/aws-error.ts'
import type { ServiceRequest } from '../protocol/service.ts'
import { parseQuery } from '../signature/query.ts'

const maxFormBytes = 256 * 1024
const maxParameters = 1000

export class Form {
  private readonly values: ReadonlyMap<string, string>

  constructor(values: ReadonlyMap<string, string>) {
    this.values = values
  }

  text(name: string): string | null {
    return this.values.get(name) ?? null
  }

  /** The members of a list in order: `['Tags.member.1', 'Tags.member.2']`. */
  members(name: string, max: number): string[] {
    const positions = new Set<number>()
    for (const key of this.values.keys()) {
      if (!key.startsWith(`${name}.`)) continue
      const match = /^\.member\.([1-9]\d{0,3})(\.|$)/.exec(key.slice(name.length))
      if (match === null) throw malformedQuery()
      positions.add(Number(match[1]))
    }
    if (positions.size > max)
      throw invalid(name, null, `Member must have length less than or equal to ${max}`)
    return [...positions].sort((a, b) => a - b).map((position) => `${name}.member.${position}`)
  }
}

/** The parameters of query and body. Throws MalformedQueryString if a parameter is repeated or malformed. */
export async function readForm(request: ServiceRequest): Promise<Form> {
  const body = request.method === 'POST' ? await request.body.read(maxFormBytes) : Buffer.alloc(0)
  const values = new Map<string, string>()
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    // The query of a presigned request also holds the signature, which is no parameter.
    const entries = [
      ...parseQuery(request.query).filter(({ name }) => !/^x-amz-/i.test(name)),
      ...parseQuery(text.trim()),
    ]
    if (entries.length > maxParameters || new Set(entries.map(({ name }) => name)).size !== entries.length)
      throw malformedQuery()
    for (const { name, value } of entries) values.set(name, value)
  } catch (error) {
    throw malformedQuery(error)
  }
  return new Form(values)
}

function malformedQuery(cause?: unknown): AwsError {
  return new AwsError(400, 'MalformedQueryString', 'The query string contains a syntax error.', { cause })
}

/** ValidationError in AWS's words. @param value the parameter's value; null where AWS doesn't repeat it. */
export function invalid(name: string, value: string | null, constraint: string): AwsError {
  const member = name.charAt(0).toLowerCase() + name.slice(1)
  const shown = value === null ? 'Value' : `Value '${value.slice(0, 200)}'`
  return new AwsError(
    400,
    'ValidationError',
    `1 validation error detected: ${shown} at '${member}' failed to satisfy constraint: ${constraint}`,
  )
}

export interface TextRule {
  min: number
  max: number
  pattern: RegExp
  /** The pattern as AWS prints it. */
  printed: string
}

export function optionalText(form: Form, name: string, rule: TextRule): string | null {
  const value = form.text(name)
  if (value === null) return null
  if (value.length < rule.min)
    throw invalid(name, value, `Member must have length greater than or equal to ${rule.min}`)
  if (value.length > rule.max)
    throw invalid(name, value, `Member must have length less than or equal to ${rule.max}`)
  if (!rule.pattern.test(value))
    throw invalid(name, value, `Member must satisfy regular expression pattern: ${rule.printed}`)
  return value
}

export function requiredText(form: Form, name: string, rule: TextRule): string {
  const value = optionalText(form, name, rule)
  if (value === null) throw invalid(name, 'null', 'Member must not be null')
  return value
}

/** A whole number from `min` to `max`; null if the parameter is absent. */
export function optionalInteger(form: Form, name: string, min: number, max: number): number | null {
  const value = form.text(name)
  if (value === null) return null
  if (!/^[+-]?\d{1,10}$/.test(value)) throw new AwsError(400, 'MalformedInput', `Invalid integer for ${name}`)
  const number = Number(value)
  if (number < min) throw invalid(name, value, `Member must have value greater than or equal to ${min}`)
  if (number > max) throw invalid(name, value, `Member must have value less than or equal to ${max}`)
  return number
}
