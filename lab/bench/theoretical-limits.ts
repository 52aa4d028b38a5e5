// Theoretical limits of a restore: writing the files, fetching the objects and decoding them, each measured alone.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Dataset } from './dataset.ts'
import type { MeasuredStore } from './gateway.ts'
import { measure } from './measured-process.ts'
import type { TheoreticalLimits } from './results.ts'

const mib = 2 ** 20
const readersAtOnce = 8
/** Sample size for decoding, evenly spread over the data set. */
const sampleBytes = 128 * mib

/** @param folder on the disk of the restores. */
export async function measureTheoreticalLimits(
  dataset: Dataset,
  bucket: string,
  gateway: MeasuredStore,
  folder: string,
): Promise<TheoreticalLimits> {
  const copy = join(folder, 'copy')
  // Without --reflink a file system could share blocks instead of writing them.
  const invocation = {
    program: '/bin/cp',
    args: ['-r', '--reflink=never', dataset.directory, copy],
    env: {},
    directory: folder,
  }
  const { cost } = await measure(invocation, folder)
  rmSync(copy, { recursive: true, force: true })
  return {
    writeSeconds: cost.seconds,
    networkSeconds: await gateway.fetchAll(bucket, readersAtOnce),
    decodeSeconds: decodeSeconds(dataset),
  }
}

/** zstd and SHA-256 over blocks of 1 MiB, as if spread over all processors. */
function decodeSeconds({ directory, bytes }: Dataset): number {
  let [sampled, spentMs] = [0, 0]
  for (const block of blocksOf(directory, Math.max(1, Math.floor(bytes / sampleBytes)))) {
    const packed = zstdCompressSync(block, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })
    const beforeMs = performance.now()
    createHash('sha256')
      .update(packed.length < block.length ? zstdDecompressSync(packed) : block)
      .digest()
    spentMs += performance.now() - beforeMs
    sampled += block.length
  }
  return ((spentMs / 1000) * (bytes / sampled)) / availableParallelism()
}

/** Every `stride`th block of 1 MiB of all files, one after another. */
function* blocksOf(directory: string, stride: number): Iterable<Buffer> {
  let [count, filled] = [0, 0]
  const block = Buffer.alloc(mib)
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  for (const entry of files) {
    const handle = openSync(join(entry.parentPath, entry.name), 'r')
    try {
      for (let bytes = -1; bytes !== 0;) {
        bytes = readSync(handle, block, filled, mib - filled, null)
        filled += bytes
        if (filled < mib) continue
        filled = 0
        if (count++ % stride === 0) yield block
      }
    } finally {
      closeSync(handle)
    }
  }
  if (count === 0) yield block.subarray(0, Math.max(1, filled))
}
