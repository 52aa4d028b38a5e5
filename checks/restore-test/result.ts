// The result of a restore test. It comes from the task that read or started the restored data, so it may be hostile:
// we parse it as untrusted bytes.
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { findingLine } from '../finding-text.ts'

/** An honest result is smaller; we read nothing larger. */
export const maxResultBytes = 64 * 1024
export const maxFindings = 20

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
export const runPattern = /^[\w-]{1,80}$/

const schema = z
  .strictObject({
    type: z.literal('examination'),
    formatVersion: z.literal(1),
    /** The run that started the test: a result that an earlier run left has another id. */
    run: z.string().regex(runPattern).nullable(),
    kind: z.enum(['volume', 'postgres']),
    ok: z.boolean(),
    entries: count,
    files: count,
    bytes: count,
    /** Over the paths, kinds and contents of all entries, in order. */
    sha256,
    /**
     * The figures include template databases, and exclude rows of system catalogs. Null if the test started no
     * server.
     */
    postgres: z.strictObject({ databases: count, tables: count, rows: count, sha256 }).nullable(),
    findings: z.array(findingLine).max(maxFindings),
    findingCount: count,
  })
  .refine(({ ok, findingCount }) => ok === (findingCount === 0), {
    path: ['ok'],
    error: 'contradicts the findings',
  })
  .refine(({ findings, findingCount }) => findings.length === Math.min(findingCount, maxFindings), {
    path: ['findings'],
    error: 'are not as many as the count says',
  })
  .refine(({ entries, files }) => files <= entries, { path: ['files'], error: 'are more than the entries' })
  .refine(({ ok, entries }) => !ok || entries > 0, { path: ['ok'], error: 'though the test read no entry' })
  .refine(({ ok, kind, postgres }) => !ok || (kind === 'postgres') === (postgres !== null), {
    path: ['postgres'],
    error: "doesn't fit the kind",
  })

export type RestoreTestResult = z.infer<typeof schema>

/** The result that the caller of the test expects. */
export interface ExpectedResult {
  run?: string
  kind?: 'volume' | 'postgres'
}

/**
 * @throws `not-found`, `unsupported-format`, or `damaged` with the field that is wrong, and for a result of another
 * run or kind; no error repeats content of the file.
 */
export function readResult(file: string, expected: ExpectedResult = {}): RestoreTestResult {
  const result = parseResult(readBounded(file))
  if (expected.run !== undefined && result.run !== expected.run) throw unusable('it is of another run')
  if (expected.kind !== undefined && result.kind !== expected.kind) throw unusable('it is of another kind')
  return result
}

export function parseResult(bytes: Uint8Array): RestoreTestResult {
  if (bytes.length > maxResultBytes) throw unusable(`it is larger than ${maxResultBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw unusable('it is not JSON')
  }
  if (
    typeof value === 'object' &&
    value !== null &&
    'formatVersion' in value &&
    typeof value.formatVersion === 'number' &&
    value.formatVersion > 1
  ) {
    throw new HoldfastError('unsupported-format', 'the result of the restore test has an unknown version', {
      hint: 'update holdfast',
    })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  // Don't repeat the names of unknown fields: an attacker chooses them, and their length.
  throw unusable(
    issue?.code === 'unrecognized_keys'
      ? 'it has unknown fields'
      : `${issue?.path.join('.') || 'its content'} ${issue?.code === 'custom' ? issue.message : 'is not as it should be'}`,
  )
}

/** Reads at most one byte over the limit, and follows no link: the writer of the file is not trusted. */
function readBounded(file: string): Uint8Array {
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw new HoldfastError(
      'not-found',
      `the result ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        hint: 'name the file that `holdfast examine --answer` wrote',
        cause: error,
      },
    )
  }
  try {
    const buffer = Buffer.alloc(maxResultBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(descriptor, buffer, length, buffer.length - length, null)
    return buffer.subarray(0, length)
  } catch (error) {
    throw unusable(`it can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`)
  } finally {
    closeSync(descriptor)
  }
}

function unusable(detail: string): HoldfastError {
  return new HoldfastError('damaged', `the result of the restore test is not usable: ${detail}`, {
    hint: 'count the data as not tested: run the test again, and read the log of the task that wrote the result',
  })
}
