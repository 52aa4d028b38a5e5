// Content-defined chunking: a cut depends only on the 32 bytes before it, so that an insertion moves only the
// cuts near it. FastCDC with normalized chunking (Xia et al., USENIX ATC 2016): cuts are rarer before the
// normal size and more frequent after it. The cuts are not part of the format, because readers don't need
// them; a change here costs one full upload.
import { sha256 } from '../digest.ts'

export const minChunkBytes = 128 * 1024
const normalChunkBytes = 512 * 1024
export const maxChunkBytes = 2 * 1024 * 1024

// The top bits of the hash depend on all 32 bytes of the window; 21 bits before the normal size, 17 after it.
const rareMask = 0xffff_f800 | 0
const frequentMask = 0xffff_8000 | 0

const gear = Int32Array.from({ length: 256 }, (_, byte) =>
  sha256(Buffer.from(`holdfast gear ${byte}`)).readInt32LE(0),
)

/** Returns the end (exclusive) of the chunk that begins at `start`; `end` is the end of the data. */
export function findCut(data: Uint8Array, start: number, end: number): number {
  const bytes = end - start
  if (bytes <= minChunkBytes) return end
  const normal = start + Math.min(bytes, normalChunkBytes)
  const last = start + Math.min(bytes, maxChunkBytes)
  let hash = 0
  let position = start + minChunkBytes
  for (; position < normal; position++) {
    hash = ((hash << 1) + gear[data[position]!]!) | 0
    if ((hash & rareMask) === 0) return position + 1
  }
  for (; position < last; position++) {
    hash = ((hash << 1) + gear[data[position]!]!) | 0
    if ((hash & frequentMask) === 0) return position + 1
  }
  return last
}
