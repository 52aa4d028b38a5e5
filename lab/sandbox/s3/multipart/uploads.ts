// CreateMultipartUpload and AbortMultipartUpload. A completed object has the date at which its upload began,
// as in S3.

import { AwsError } from '../../protocol/aws-error.ts'
import type { ServiceReply } from '../../protocol/service.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, Upload } from '../model.ts'
import { isChecksumAlgorithm } from '../objects/checksum.ts'
import { encryptionHeaders } from '../objects/headers.ts'
import { allowWrite, readWrittenHeaders } from '../objects/write-object.ts'
import { emptyReply, xmlReply } from '../reply.ts'

export async function createMultipartUpload(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await allowWrite(call, bucket, key, false)
  const written = await readWrittenHeaders(call, bucket)
  const checksum = readUploadChecksum(call)
  const upload = call.catalog.transact(() =>
    call.catalog.createUpload({
      bucketId: bucket.id,
      key,
      initiatedMs: call.nowMs,
      initiator: call.request.principal.arn,
      headers: written.headers,
      storageClass: written.storageClass,
      encryption: written.encryption,
      checksum,
      tags: written.tags,
      acl: written.acl,
      requestedLock: written.lock,
    }),
  )
  return xmlReply(
    'InitiateMultipartUploadResult',
    [
      ['Bucket', bucket.name],
      ['Key', key],
      ['UploadId', upload.id],
    ],
    {
      ...encryptionHeaders(upload.encryption),
      ...(checksum === null
        ? {}
        : { 'x-amz-checksum-algorithm': checksum.algorithm, 'x-amz-checksum-type': checksum.type }),
    },
  )
}

function readUploadChecksum(call: S3Call): Upload['checksum'] {
  const algorithm = call.header('x-amz-checksum-algorithm')?.toUpperCase() ?? null
  const requestedType = call.header('x-amz-checksum-type')?.toUpperCase() ?? null
  if (algorithm === null) {
    if (requestedType === null) return null
    throw new AwsError(
      400,
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    )
  }
  if (!isChecksumAlgorithm(algorithm))
    throw new AwsError(
      400,
      'InvalidRequest',
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    )
  const type = requestedType ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')
  if (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')
    throw new AwsError(400, 'InvalidRequest', 'Value for x-amz-checksum-type header is invalid.')
  const isCrc = algorithm.startsWith('CRC')
  if ((type === 'FULL_OBJECT' && !isCrc) || (type === 'COMPOSITE' && algorithm === 'CRC64NVME')) {
    throw new AwsError(
      400,
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    )
  }
  return { algorithm, type }
}

export function requireUpload(call: S3Call, bucket: Bucket, key: string): Upload {
  const id = call.query.get('uploadId') ?? ''
  const upload = call.catalog.findUpload(bucket.id, key, id)
  if (upload !== null) return upload
  throw new AwsError(
    404,
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    { fields: { UploadId: id.slice(0, 256) } },
  )
}

export async function abortMultipartUpload(call: S3Call): Promise<ServiceReply> {
  const key = call.requireKey()
  const bucket = call.requireBucket()
  await call.allow(bucket, 's3:AbortMultipartUpload', key)
  const orphans = call.catalog.transact(() => {
    const upload = requireUpload(call, bucket, key)
    const files = call.catalog.listParts(upload.id).map((part) => part.file)
    call.catalog.deleteUpload(upload.id)
    return files
  })
  call.files.remove(orphans)
  return emptyReply(204)
}
