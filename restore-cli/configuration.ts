// The file given with --config: what `pulumi stack output --json` prints, which names the vault and its roles.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'

const arn = z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, 'not the ARN of a role')

/** Other outputs of the stack may stand beside these, and are ignored. */
const schema = z.object({
  /** Raised when the meaning of a field changes. */
  configVersion: z.literal(1),
  bucket: z.string().min(3).max(63),
  region: z.string().min(1).optional(),
  endpoint: z.url().optional(),
  /** The role that reads the vault. */
  restorerRoleArn: arn.optional(),
  /** The role that adds to it, by source. */
  writerRoleArns: z.record(z.string(), arn).optional(),
})

export type Configuration = z.infer<typeof schema>

/** @throws `not-found`, or `invalid-input` with the field that is wrong. */
export function readConfiguration(file: string): Configuration {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new HoldfastError('not-found', `the configuration ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`, {
      hint: 'write it with `pulumi stack output --json > FILE`, or pass --bucket and --role-arn instead',
      cause: error,
    })
  }
  return parseConfiguration(text, file)
}

export function parseConfiguration(text: string, name: string): Configuration {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid(name, 'it is not JSON')
  }
  if (typeof value === 'object' && value !== null && 'configVersion' in value && value.configVersion !== 1) {
    throw new HoldfastError('unsupported-format', `the configuration ${name} has a version that is not known`, { hint: 'update holdfast' })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalid(name, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'not as expected'}`)
}

function invalid(name: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the configuration ${name} is not usable: ${detail}`, {
    hint: 'write it with `pulumi stack output --json > FILE`, or pass --bucket and --role-arn instead',
  })
}
