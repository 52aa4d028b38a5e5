import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ContentCutter } from '../../../engine/backup/content-cutter.ts'
import { SegmentReader, bufferBytes, segmentBytes } from '../../../engine/backup/source-reader.ts'
import { statIdentityOf } from '../../../engine/stat-identity.ts'
import { randomBytes, seededRandom } from '../../fixtures/manual-clock.ts'

/** The chunks of a file as a thread that reads it cuts them. */
function chunksOfFile(path: string): string[] {
  const stats = statSync(path, { bigint: true })
  const identity = statIdentityOf(stats)
  const chunks: string[] = []
  const buffer = Buffer.alloc(bufferBytes)
  for (let offset = 0; offset < identity.size; offset += segmentBytes) {
    const bytes = Math.min(segmentBytes, identity.size - offset)
    const reader = new SegmentReader({ path: Buffer.from(path), identity, offset, bytes }, (at) => at)
    while (!reader.isDone)
      for (const { digest, bytes: length } of reader.next(buffer).chunks)
        chunks.push(`${digest.toString('hex')} ${length}`)
  }
  return chunks
}

test('bytes in any portions are cut where a thread that reads the file cuts them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hf-cutter-'))
  try {
    const random = seededRandom(1)
    const content = Buffer.concat([
      randomBytes(9 * 2 ** 20, 1),
      Buffer.alloc(3 * 2 ** 20),
      randomBytes(segmentBytes - 2 ** 20 + 12_345, 2),
    ])
    const path = join(folder, 'file')
    writeFileSync(path, content)
    const chunks: string[] = []
    const cutter = new ContentCutter((digest, { length }) =>
      chunks.push(`${digest.toString('hex')} ${length}`),
    )
    for (let start = 0; start < content.length;) {
      const end = start + 1 + Math.floor(random() * 200_000)
      cutter.write(content.subarray(start, end))
      start = end
    }
    cutter.endFile()
    const expected = chunksOfFile(path)
    expect(chunks).toEqual(expected)
    // The next file begins anew.
    chunks.length = 0
    cutter.write(content.subarray(0, 2 ** 20))
    cutter.endFile()
    expect(chunks[0]).toBe(expected[0])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
