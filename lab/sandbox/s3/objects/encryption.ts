// The encryption of new objects. The sandbox encrypts nothing; it stores and checks what S3 would store and
// check.

import { createHash } from 'node:crypto'
import { AwsError, denyAccess } from '../../protocol/aws-error.ts'
import type { S3Call } from '../call.ts'
import type { Bucket, Encryption } from '../model.ts'

type Headers = Readonly<Record<string, string>>

const sseS3: Encryption = { algorithm: 'AES256', kmsKeyId: null, customerKeyMd5: null }

const customer = 'x-amz-server-side-encryption-customer'

/**
 * The customer's key (SSE-C) in headers that start with `prefix`; null if there is none. Throws
 * InvalidArgument unless all three headers are right.
 */
function readCustomerKey(headers: Headers, prefix = customer): Encryption | null {
  const [algorithm, key, md5] = ['algorithm', 'key', 'key-md5'].map((name) => headers[`${prefix}-${name}`])
  if (algorithm === undefined && key === undefined && md5 === undefined) return null
  const invalid = (message: string) => new AwsError(400, 'InvalidArgument', message)
  if (algorithm === undefined)
    throw invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
    )
  if (algorithm !== 'AES256')
    throw new AwsError(
      400,
      'InvalidEncryptionAlgorithmError',
      'The Encryption request you specified is not valid. Supported value: AES256.',
    )
  if (key === undefined)
    throw invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
    )
  if (md5 === undefined)
    throw invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.',
    )
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== 32) throw invalid('The secret key was invalid for the specified algorithm.')
  if (createHash('md5').update(bytes).digest('base64') !== md5)
    throw invalid('The calculated MD5 hash of the key did not match the hash that was provided.')
  return { algorithm: 'AES256', kmsKeyId: null, customerKeyMd5: md5 }
}

/**
 * The encryption in the headers, or the bucket's default. KMS keys are resolved, but not yet authorized: see
 * `allowKey`.
 */
export function readEncryption(call: S3Call, bucket: Bucket): Encryption {
  const { headers } = call.request
  const fromCustomer = readCustomerKey(headers)
  const algorithm = headers['x-amz-server-side-encryption']
  const keyId = headers['x-amz-server-side-encryption-aws-kms-key-id']
  if (fromCustomer !== null) {
    if (algorithm !== undefined)
      throw new AwsError(
        400,
        'InvalidArgument',
        'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      )
    return fromCustomer
  }
  if (algorithm === undefined) return defaultEncryption(call, bucket)
  return makeEncryption(call, bucket, algorithm, keyId ?? null)
}

export function makeEncryption(
  call: S3Call,
  bucket: Bucket,
  algorithm: string,
  keyId: string | null,
): Encryption {
  if (algorithm === 'AES256') {
    if (keyId !== null)
      throw new AwsError(
        400,
        'InvalidArgument',
        'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      )
    return sseS3
  }
  if (algorithm !== 'aws:kms' && algorithm !== 'aws:kms:dsse') {
    throw new AwsError(
      400,
      'InvalidEncryptionAlgorithmError',
      'The encryption request you specified is not valid. Supported values: AES256, aws:kms, aws:kms:dsse',
    )
  }
  return { algorithm, kmsKeyId: keyArn(call, bucket, keyId), customerKeyMd5: null }
}

function defaultEncryption(call: S3Call, bucket: Bucket): Encryption {
  const document = call.catalog.readConfiguration(bucket.id, 'encryption')
  if (document === null) return sseS3
  const { algorithm, kmsKeyId } = JSON.parse(document) as { algorithm: string; kmsKeyId: string | null }
  return makeEncryption(call, bucket, algorithm, kmsKeyId)
}

// A bare id names a key of the caller's account. Without an id the key is the account's own `aws/s3`.
function keyArn(call: S3Call, bucket: Bucket, keyId: string | null): string {
  if (keyId?.startsWith('arn:') === true) return keyId
  const accountId = call.request.principal.accountId ?? bucket.accountId
  return `arn:aws:kms:${bucket.region}:${accountId}:${keyId === null ? 'alias/aws/s3' : `key/${keyId.replace(/^key\//, '')}`}`
}

/** Asks the key's policy, as S3 does when it fetches a data key. The key `aws/s3` needs no permission. */
export async function allowKey(
  call: S3Call,
  encryption: Encryption,
  action: 'kms:GenerateDataKey' | 'kms:Decrypt',
): Promise<void> {
  const arn = encryption.kmsKeyId
  if (arn === null || arn.endsWith(':alias/aws/s3')) return
  const key = call.stores.host.declaration.keys.find((declared) => declared.arn === arn)
  if (key === undefined) throw new AwsError(400, 'KMS.NotFoundException', `Key '${arn}' does not exist`)
  const decision = await call.stores.host.authorize(call.request, {
    action,
    resource: arn,
    resourceAccountId: key.accountId,
    resourcePolicy: key.policy,
  })
  if (!decision.allowed) throw denyAccess()
}

/** Throws InvalidRequest unless the reader of an SSE-C object brings the same key. */
export function checkCustomerKey(stored: Encryption, headers: Headers, prefix = customer): void {
  const requested = readCustomerKey(headers, prefix)
  if (stored.customerKeyMd5 === (requested?.customerKeyMd5 ?? null)) return
  throw new AwsError(
    400,
    'InvalidRequest',
    requested === null
      ? 'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.'
      : 'The encryption parameters are not applicable to this object.',
  )
}
