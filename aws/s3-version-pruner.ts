// The only code of the product that deletes a version. It never bypasses a lock, and it always sends a version id,
// because S3 would write a delete marker without one.
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import type { VersionPruner } from '../core/store/custody.ts'
import { HoldfastError } from '../core/errors.ts'
import type { ObjectRef } from '../core/store/object-store.ts'
import type { S3Access } from './s3-access.ts'
import { S3Calls } from './s3-calls.ts'

export class S3VersionPruner implements VersionPruner {
  private readonly bucketName: string
  private readonly calls: S3Calls

  constructor(bucketName: string, { connection, credentials }: S3Access) {
    this.bucketName = bucketName
    this.calls = new S3Calls(connection, credentials)
  }

  async deleteVersion({ key, versionId }: ObjectRef): Promise<void> {
    const { bucketName, calls } = this
    if (versionId === '')
      throw new HoldfastError('internal', `no version given of the object to delete, ${key}`)
    const command = new DeleteObjectCommand({ Bucket: bucketName, Key: key, VersionId: versionId })
    await calls.read(`deleting an expired version of s3://${bucketName}/${key}`, () =>
      calls.connection.forReads.send(command, { abortSignal: calls.connection.deadline(0) }),
    )
  }
}
