// Fields that several parts of a report have.
import { z } from 'zod'
import { isSourceName, isUlid } from '../../core/store/vault-keys.ts'
import { findingLine } from '../finding-text.ts'
import { maxFindings } from '../outcome.ts'

export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
/** Milliseconds that a Date holds. */
export const time = count.max(8.64e15)
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
export const ulid = z.string().refine(isUlid, 'not a ULID')
export const sourceName = z.string().refine(isSourceName, "not a source's name")

/** One manifest's version. */
export const snapshotMark = z.strictObject({
  id: ulid,
  versionId: z.string().min(1).max(1024),
  timeMs: count,
})

export const findings = z
  .array(
    z.strictObject({
      status: z.enum(['failed', 'unknown']),
      subject: findingLine,
      detail: findingLine,
    }),
  )
  .max(maxFindings)

interface Outcome {
  status: string
  findings: readonly unknown[]
  findingCount: number
}

export const contradictsFindings = { path: ['status'], error: 'contradicts the findings' }
export function fitsFindings({ status, findingCount }: Outcome): boolean {
  return (status === 'passed') === (findingCount === 0)
}

export const contradictsCount = { path: ['findings'], error: 'are not as many as the count says' }
export function fitsCount({ findings: listed, findingCount }: Outcome): boolean {
  return listed.length === Math.min(findingCount, maxFindings)
}
