// What an examination answers. It comes from where restored data was read or started, and may be anything: parsed as a stranger's bytes.
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'

/** An honest answer is smaller; nothing larger is read. */
export const longestAnswerBytes = 64 * 1024
export const mostFindings = 20
const longestFindingChars = 500

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** Printable and on one line: it is shown on terminals and in logs. */
const finding = z
  .string()
  .min(1)
  .max(longestFindingChars)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u)

export const runPattern = /^[\w-]{1,80}$/

const schema = z
  .strictObject({
    type: z.literal('examination'),
    formatVersion: z.literal(1),
    /** Which run asked: an answer that was left by an earlier one is not taken for it. */
    run: z.string().regex(runPattern).nullable(),
    kind: z.enum(['volume', 'postgres']),
    ok: z.boolean(),
    entries: count,
    files: count,
    bytes: count,
    /** Over the paths, kinds and contents of all entries, in order. */
    sha256,
    /** What the server read, template databases included and the catalogs' own rows not; null if none was started. */
    postgres: z.strictObject({ databases: count, tables: count, rows: count, sha256 }).nullable(),
    findings: z.array(finding).max(mostFindings),
    findingCount: count,
  })
  .refine(({ ok, findingCount }) => ok === (findingCount === 0), {
    path: ['ok'],
    error: 'contradicts the findings',
  })
  .refine(({ findings, findingCount }) => findings.length === Math.min(findingCount, mostFindings), {
    path: ['findings'],
    error: 'are not as many as it says',
  })
  .refine(({ entries, files }) => files <= entries, { path: ['files'], error: 'are more than the entries' })
  .refine(({ ok, entries }) => !ok || entries > 0, { path: ['ok'], error: 'though nothing was looked at' })
  .refine(({ ok, kind, postgres }) => !ok || (kind === 'postgres') === (postgres !== null), {
    path: ['postgres'],
    error: "doesn't fit the kind",
  })

export type Answer = z.infer<typeof schema>

/** `text`, made such that it may stand in an answer. */
export function findingText(text: string): string {
  return (
    Array.from(text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' '))
      .slice(0, longestFindingChars / 2)
      .join('') || 'something without a name'
  )
}

/** @throws `not-found`, `unsupported-format`, or `damaged` with the field that is wrong; nothing of the content is repeated. */
export function readAnswer(file: string): Answer {
  return parseAnswer(readBounded(file))
}

export function parseAnswer(bytes: Uint8Array): Answer {
  if (bytes.length > longestAnswerBytes) throw unusable(`it is larger than ${longestAnswerBytes} bytes`)
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
    throw new HoldfastError(
      'unsupported-format',
      'the answer of the examination has a version that is not known',
      { hint: 'update holdfast' },
    )
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  // What was found stays out of it: keys that nobody knows may be anything, and as long as the file.
  throw unusable(
    issue?.code === 'unrecognized_keys'
      ? 'it has fields that are not known'
      : `${issue?.path.join('.') || 'its content'} ${issue?.code === 'custom' ? issue.message : 'is not as it should be'}`,
  )
}

/** One read of at most one byte too many, without following a link: whoever wrote the file has chosen what lies there. */
function readBounded(file: string): Uint8Array {
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    throw new HoldfastError(
      'not-found',
      `the answer ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        hint: 'name the file that `holdfast examine --answer` has written',
        cause: error,
      },
    )
  }
  try {
    const buffer = Buffer.alloc(longestAnswerBytes + 1)
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

export function unusable(detail: string): HoldfastError {
  return new HoldfastError('damaged', `the answer of the examination is not usable: ${detail}`, {
    hint: 'count the data as not examined: run it again, and look at the log of whoever answered',
  })
}
