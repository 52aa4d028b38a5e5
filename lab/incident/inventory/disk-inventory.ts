// The inventory of a bucket from the store's own disk: its catalogue and its files, without a request to the store.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pipeline } from 'node:stream/promises'
import { readKey } from './store-inventory.ts'
import type { Inventory } from './store-inventory.ts'

interface Row {
  key: Uint8Array
  version_id: string
  /** `{"segments": [{"file": …}]}`, null for a delete marker. */
  content: string | null
  lock_mode: string | null
  lock_until_ms: number | null
}

/** Reads the sandbox's directory while it runs; a version whose file is missing has the digest `missing`. */
export async function readDiskInventory(sandboxDirectory: string, bucket: string): Promise<Inventory> {
  const inventory: Inventory = new Map()
  for (const row of readCatalogue(sandboxDirectory, bucket)) {
    const isDeleteMarker = row.content === null
    const segments =
      row.content === null ? [] : (JSON.parse(row.content) as { segments: { file: string }[] }).segments
    const content = isDeleteMarker
      ? { bytes: 0, sha256: '' }
      : await digestFiles(
          sandboxDirectory,
          segments.map(({ file }) => file),
        )
    const lock =
      row.lock_mode === null || row.lock_until_ms === null
        ? null
        : { mode: row.lock_mode, untilMs: row.lock_until_ms }
    const item = {
      key: Buffer.from(row.key).toString('utf8'),
      versionId: row.version_id,
      isDeleteMarker,
      lock,
      ...content,
    }
    inventory.set(readKey(item), item)
  }
  return inventory
}

function readCatalogue(sandboxDirectory: string, bucket: string): Row[] {
  const database = new DatabaseSync(path.join(sandboxDirectory, 'sandbox.sqlite'), { readOnly: true })
  try {
    return database
      .prepare(
        `SELECT v.key, v.version_id, v.content, v.lock_mode, v.lock_until_ms
       FROM s3_version v JOIN s3_bucket b ON b.id = v.bucket_id WHERE b.name = ?`,
      )
      .all(bucket) as unknown as Row[]
  } finally {
    database.close()
  }
}

/** Path of a file with bytes of an object. */
export function locateFile(sandboxDirectory: string, file: string): string {
  return path.join(sandboxDirectory, 'objects', file.slice(0, 2), file)
}

async function digestFiles(
  sandboxDirectory: string,
  files: string[],
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for (const file of files) {
    try {
      await pipeline(
        createReadStream(locateFile(sandboxDirectory, file)),
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) {
            hash.update(chunk)
            bytes += chunk.length
          }
        },
      )
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return { bytes, sha256: 'missing' }
    }
  }
  return { bytes, sha256: hash.digest('hex') }
}
