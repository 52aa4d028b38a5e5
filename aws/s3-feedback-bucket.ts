// The feedback bucket on S3. Its objects have no versions: each has a key that was never used before.
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { damaged } from '../core/bytes.ts'
import { sha256 } from '../core/digest.ts'
import type { FeedbackBucket } from '../core/feedback.ts'
import type { S3Access } from './s3-access.ts'
import { S3Calls } from './s3-calls.ts'
import type { S3Connection } from './s3-connection.ts'

export class S3FeedbackBucket implements FeedbackBucket {
  readonly name: string
  private readonly bucket: string
  private readonly connection: S3Connection
  private readonly calls: S3Calls

  /** Shares the connection and the session of the vault's store. */
  constructor(bucket: string, { connection, credentials }: S3Access) {
    this.name = `s3://${bucket}`
    this.bucket = bucket
    this.connection = connection
    this.calls = new S3Calls(connection, credentials)
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: this.bucket,
      Key: key,
      Body: body,
      ContentLength: body.length,
      ContentType: 'application/json',
      ChecksumSHA256: sha256(body).toString('base64'),
    })
    // May be repeated: the second PUT has the same key and the same bytes.
    await this.calls.read(`writing ${this.name}/${key}`, () =>
      this.connection.forReads.send(command, { abortSignal: this.connection.deadline(body.length) }),
    )
  }

  async list(prefix: string, limit: number): Promise<string[]> {
    const command = new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix, MaxKeys: limit })
    const output = await this.calls.read(`listing ${this.name}/${prefix}`, () =>
      this.connection.forReads.send(command, { abortSignal: this.connection.deadline(0) }),
    )
    return (output.Contents ?? []).flatMap(({ Key }) => (Key?.startsWith(prefix) === true ? [Key] : []))
  }

  async read(key: string, maxBytes: number): Promise<Uint8Array> {
    const operation = `reading ${this.name}/${key}`
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: key })
    return this.calls.read(operation, async () => {
      const abortSignal = this.connection.deadline(maxBytes)
      const output = await this.connection.forReads.send(command, { abortSignal })
      const chunks: Uint8Array[] = []
      let bytes = 0
      for await (const chunk of output.Body as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        if (bytes > maxBytes) throw damaged(`${this.name}/${key}`, `it has more than ${maxBytes} bytes`)
        chunks.push(chunk)
      }
      return Buffer.concat(chunks)
    })
  }
}
