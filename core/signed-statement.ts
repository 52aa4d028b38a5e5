// The JSON of a signed statement, by its schema. A signature shows who wrote it, and not that it is well-formed.
import type { z } from 'zod'
import type { HoldfastError } from './errors.ts'
import { unsupported } from './pack/pack-footer.ts'
import { pathText } from './tree/path-text.ts'

export interface StatementShape<Statement> {
  schema: z.ZodType<Statement>
  formatVersion: number
  /** Names the object in an error. */
  subject: string
  unreadable: (subject: string, detail: string, cause?: unknown) => HoldfastError
}

/** @throws the error of `unreadable`, or `unsupported-format` for a version that this code doesn't read. */
export function parseStatement<Statement>(
  payload: Buffer,
  { schema, formatVersion, subject, unreadable }: StatementShape<Statement>,
): Statement {
  let value: unknown
  try {
    value = JSON.parse(payload.toString())
  } catch (error) {
    throw unreadable(subject, 'its statement is not JSON', error)
  }
  const version =
    typeof value === 'object' && value !== null && 'formatVersion' in value ? value.formatVersion : undefined
  if (Number.isInteger(version) && version !== formatVersion)
    throw unsupported(subject, version as number, String(formatVersion))
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const detail = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it has another shape'}`
  throw unreadable(subject, pathText(Buffer.from(detail)).slice(0, 200))
}
