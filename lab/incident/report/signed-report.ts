// A drill's report in a signed envelope, as the checks sign theirs: with a key of KMS, in DSSE, under a type of its
// own, so that it can't pass for a report of a check. See docs/adr/0056-reports-of-the-drill.md.
import { HoldfastError } from '../../../core/errors.ts'
import { openEnvelope, signEnvelope } from '../../../core/signature.ts'
import type { Signer, TrustedKeys } from '../../../core/signature.ts'
import { reportSchema } from './schema.ts'
import type { DrillReport } from './schema.ts'

const payloadType = 'application/vnd.holdfast.incident-drill+json'

export function encodeDrill(report: DrillReport): string {
  return `${JSON.stringify(report, null, 2)}\n`
}

export async function signDrill(report: DrillReport, signer: Signer): Promise<string> {
  return (await signEnvelope(signer, payloadType, Buffer.from(encodeDrill(report)))).toString()
}

/** @throws `damaged` if none of `keys` signed it; `unsupported-format` for another version of the report. */
export function openSignedDrill(
  bytes: Uint8Array,
  keys: TrustedKeys,
  name: string,
): { report: DrillReport; keyId: string } {
  const { payload, keyId } = openEnvelope(bytes, { payloadType, keys, subject: `the report ${name}` })
  const parsed = reportSchema.safeParse(JSON.parse(payload.toString()))
  if (!parsed.success)
    throw new HoldfastError(
      'unsupported-format',
      `the report ${name} has another version, or other content`,
      {
        hint: 'read it with the commit that it names',
      },
    )
  return { report: parsed.data, keyId: keyId! }
}
