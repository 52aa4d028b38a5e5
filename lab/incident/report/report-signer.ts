// The key of KMS that signs a drill's report, opened with the caller's own credentials: the drill's cloud has none that
// outlasts it.
import { KmsSigner } from '../../../aws/kms-signer.ts'
import { openS3Access } from '../../../aws/s3-access.ts'
import type { Signer } from '../../../core/signature.ts'

/** @throws `denied`, `not-found`, `credentials`, `unreachable`, or `invalid-input` for a key of another kind. */
export async function openReportSigner(keyName: string): Promise<Signer> {
  const access = openS3Access({})
  try {
    return await KmsSigner.open(await access.serviceSettings('kms'), keyName)
  } finally {
    access.connection.close()
  }
}
