// PutObject.

import type { ServiceReply } from '../../protocol/service.ts'
import type { S3Call } from '../call.ts'
import { emptyReply } from '../reply.ts'
import { checksumHeaders, encryptionHeaders, versionHeaders } from './headers.ts'
import { checkWrite, checkWriteConditions } from './preconditions.ts'
import {
  allowWrite,
  commitVersion,
  makeContent,
  makeEtag,
  makeLock,
  readWrittenHeaders,
  receiveInto,
  requireDigest,
  requireLength,
} from './write-object.ts'

export async function putObject(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const { request, catalog, files } = call
  const { headers } = request
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, true)
  checkWriteConditions(headers)
  requireLength(request.body)
  const written = await readWrittenHeaders(call, bucket)
  requireDigest(call, bucket)
  // The commit checks this again. Checked here too, because a client that waits for `100 Continue` need not send a
  // payload that S3 would refuse.
  checkWrite(headers, catalog.currentVersion(bucket.id, key), key)
  return files.withDraft(async (draft) => {
    const { md5, checksum } = await receiveInto(draft, request)
    const etag = makeEtag(md5, written.encryption)
    const content = makeContent(
      written,
      draft,
      etag,
      checksum === null ? null : { ...checksum, type: 'FULL_OBJECT' },
    )
    const committed = commitVersion(call, bucket.name, key, (current) => {
      const modifiedMs = call.nowMs
      return { content, lock: makeLock(written.lock, current, modifiedMs), modifiedMs, order: null }
    })
    return emptyReply(200, {
      etag: `"${etag}"`,
      ...versionHeaders(committed.bucket, committed.version),
      ...encryptionHeaders(written.encryption),
      ...checksumHeaders(content),
    })
  })
}
