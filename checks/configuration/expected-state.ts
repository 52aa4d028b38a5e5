// The configuration that the program declared, as `pulumi up` puts it into the toolkit: the settings of the vault's
// bucket, the roles of its account, and the way of its alarms.
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'

export const maxExpectedBytes = 4 * 1024 * 1024

const document = z.record(z.string(), z.json())

export const expectedState = z.object({
  /** The settings of each bucket, by the names that `LiveConfiguration` reads. */
  buckets: z.record(z.string().max(63), z.record(z.string(), z.json())),
  roles: z
    .record(
      z.string().max(2048),
      z.object({
        trust: document,
        /** The inline policies by name. */
        policies: z.record(z.string(), document),
        /** ARNs of attached policies. */
        attached: z.array(z.string()),
        /** ARN of the permissions boundary. */
        boundary: z.string().nullable(),
        /** The source of a writer; null for a role that serves all sources. */
        source: z.string().nullable(),
      }),
    )
    .default({}),
  /** The resources that carry an alarm to on-call, by the name that a finding shows. */
  resources: z
    .record(
      z.string().max(2048),
      z.object({
        /** A kind that `LiveConfiguration` reads. */
        kind: z.string().max(40),
        region: z.string().max(40),
        /** The names by which its service finds it. */
        names: z.record(z.string(), z.string().max(2048)),
        expected: z.record(z.string(), z.json()),
      }),
    )
    .default({}),
})

export type ExpectedState = z.infer<typeof expectedState>

/** @throws `invalid-input`. @param name of the text, for messages. */
export function parseExpectedState(text: string, name: string): ExpectedState {
  const parsed = expectedState.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new HoldfastError(
    'invalid-input',
    `the expected state ${name} is not usable: ${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'not as it should be'}`,
    { hint: 'pass the file `expected.json` of the toolkit' },
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
