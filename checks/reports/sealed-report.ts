// A report as the vault holds it: in a signed envelope, or plain where no key signs. The key belongs to the role of the
// checks alone, so a signature shows that no other principal made the report up.
import { HoldfastError } from '../../core/errors.ts'
import { openEnvelope, signEnvelope } from '../../core/signature.ts'
import type { Signer, TrustedKeys } from '../../core/signature.ts'
import { decodeReport, encodeReport, maxReportBytes } from './report.ts'
import type { Report } from './report.ts'

const reportType = 'application/vnd.holdfast.report+json'
/** Base64 takes four bytes for three; the rest of the envelope is small. */
export const maxSealedBytes = Math.ceil((maxReportBytes * 4) / 3) + 4096

/** @param signer null: the report stays plain. */
export async function sealReport(report: Report, signer: Signer | null): Promise<Buffer> {
  const payload = encodeReport(report)
  return signer === null ? payload : signEnvelope(signer, reportType, payload)
}

/**
 * @param keys null: no signature is checked; else a report without one of theirs is refused.
 * @throws as `decodeReport`, and `damaged` for a report that no trusted key has signed.
 */
export function openReport(bytes: Uint8Array, key: string, keys: TrustedKeys | null): Report {
  const subject = `the report ${key}`
  if (isEnvelope(bytes))
    return decodeReport(openEnvelope(bytes, { payloadType: reportType, keys, subject }).payload, key)
  if (keys === null) return decodeReport(bytes, key)
  throw new HoldfastError('damaged', `${subject} can't be trusted: it is not signed`, {
    hint: 'only the role of the checks can sign it: look in the audit trail for who wrote it',
  })
}

function isEnvelope(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    return typeof value === 'object' && value !== null && 'payloadType' in value
  } catch {
    return false
  }
}
