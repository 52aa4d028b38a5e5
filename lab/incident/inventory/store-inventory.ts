// The inventory of a bucket, read through its API: every version and marker, every byte, every lock.
import { createHash } from 'node:crypto'
import { GetObjectCommand, GetObjectRetentionCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import type { ListObjectVersionsCommandOutput, S3Client } from '@aws-sdk/client-s3'

export interface InventoryItem {
  key: string
  versionId: string
  bytes: number
  /** SHA-256 of the bytes in lower-case hex; empty for a delete marker; `unreadable: REASON` if the read fails. */
  sha256: string
  lock: { mode: string; untilMs: number } | null
  isDeleteMarker: boolean
}

/** Items by `readKey`, that is by key and version id. */
export type Inventory = Map<string, InventoryItem>

const parallelReads = 8

export async function takeInventory(
  client: S3Client,
  bucket: string,
  onProgress: (count: number) => void = () => undefined,
): Promise<Inventory> {
  const inventory: Inventory = new Map()
  const pending: Omit<InventoryItem, 'bytes' | 'sha256' | 'lock'>[] = []
  for await (const page of listPages(client, bucket)) {
    for (const { Key, VersionId } of page.DeleteMarkers ?? [])
      pending.push({ key: Key ?? '', versionId: VersionId ?? '', isDeleteMarker: true })
    for (const { Key, VersionId } of page.Versions ?? [])
      pending.push({ key: Key ?? '', versionId: VersionId ?? '', isDeleteMarker: false })
  }
  const queue = pending.values()
  const read = async () => {
    for (const entry of queue) {
      const item = entry.isDeleteMarker
        ? { ...entry, bytes: 0, sha256: '', lock: null }
        : { ...entry, ...(await readVersion(client, bucket, entry)) }
      inventory.set(readKey(item), item)
      onProgress(inventory.size)
    }
  }
  await Promise.all(Array.from({ length: parallelReads }, read))
  return inventory
}

export function readKey({ key, versionId }: { key: string; versionId: string }): string {
  return `${key}\n${versionId}`
}

async function* listPages(client: S3Client, bucket: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
  let markers: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (let page = 0; page < 10_000; page++) {
    const answer = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, ...markers }))
    yield answer
    if (answer.IsTruncated !== true) return
    markers = {
      ...(answer.NextKeyMarker === undefined ? {} : { KeyMarker: answer.NextKeyMarker }),
      ...(answer.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: answer.NextVersionIdMarker }),
    }
  }
  throw new Error(`the listing of ${bucket} does not end`)
}

async function readVersion(
  client: S3Client,
  bucket: string,
  { key, versionId }: { key: string; versionId: string },
) {
  const version = { Bucket: bucket, Key: key, VersionId: versionId }
  return { ...(await readContent(client, version)), lock: await readLock(client, version) }
}

/** Never rejects, because one unreadable version is a finding and must not stop the inventory. */
async function readContent(
  client: S3Client,
  version: { Bucket: string; Key: string; VersionId: string },
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    const { Body } = await client.send(new GetObjectCommand(version))
    for await (const chunk of Body as AsyncIterable<Uint8Array>) {
      hash.update(chunk)
      bytes += chunk.length
    }
    return { bytes, sha256: hash.digest('hex') }
  } catch (error) {
    return { bytes, sha256: `unreadable: ${error instanceof Error ? error.name : 'unknown'}` }
  }
}

async function readLock(
  client: S3Client,
  version: { Bucket: string; Key: string; VersionId: string },
): Promise<InventoryItem['lock']> {
  try {
    const { Retention } = await client.send(new GetObjectRetentionCommand(version))
    if (Retention?.Mode === undefined || Retention.RetainUntilDate === undefined) return null
    return { mode: Retention.Mode, untilMs: Retention.RetainUntilDate.getTime() }
  } catch (error) {
    if (['NoSuchObjectLockConfiguration', 'InvalidRequest'].includes((error as Error).name)) return null
    throw error
  }
}
