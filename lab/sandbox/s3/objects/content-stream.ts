// An object's bytes, read from the files that hold them.

import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { ObjectFiles } from '../../store/object-files.ts'
import type { Content } from '../model.ts'
import type { ByteRange } from './byte-range.ts'

const readBytes = 1024 * 1024

/** Streams one file if it holds the whole range; otherwise all files in turn. */
export function streamContent(files: ObjectFiles, content: Content, range: ByteRange): Readable {
  const slices = sliceSegments(content, range)
  const [only] = slices
  if (slices.length === 1 && only !== undefined) {
    return createReadStream(files.pathOf(only.file), {
      start: only.start,
      end: only.end,
      highWaterMark: readBytes,
    })
  }
  return Readable.from(readSlices(files, slices), { objectMode: false, highWaterMark: readBytes })
}

async function* readSlices(files: ObjectFiles, slices: readonly Slice[]): AsyncGenerator<Buffer> {
  for (const { file, start, end } of slices) {
    yield* createReadStream(files.pathOf(file), {
      start,
      end,
      highWaterMark: readBytes,
    }) as AsyncIterable<Buffer>
  }
}

interface Slice {
  file: string
  start: number
  end: number
}

function sliceSegments(content: Content, { first, last }: ByteRange): Slice[] {
  const slices: Slice[] = []
  let offset = 0
  for (const { file, bytes } of content.segments) {
    const [start, end] = [Math.max(first, offset), Math.min(last, offset + bytes - 1)]
    if (start <= end) slices.push({ file, start: start - offset, end: end - offset })
    offset += bytes
  }
  return slices
}
