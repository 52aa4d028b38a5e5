import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codec } from '../../../core/pack/pack-footer.ts'
import { PlannedFiles } from '../../../core/restore-plan/planned-entries.ts'
import { fileColumns, makeChunkColumns } from '../../../engine/restore/restore-message.ts'
import type { FileColumns, FromRestoreWorker } from '../../../engine/restore/restore-message.ts'
import { RestoreWorker } from '../../../engine/restore/restore-worker.ts'
import { sha256Of } from '../../fixtures/handmade-vault.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const currentUser = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

/** The columns of one file. */
function columnsOf(size: number, totalExtents: number): FileColumns {
  const files = new PlannedFiles()
  files.add({ path: Buffer.from('file'), size, sparse: false, mode: 0o644, mtimeNs: 0n, ...currentUser })
  return fileColumns(files, [{ number: 0, totalExtents: totalExtents }])
}

test.each([
  { extents: ['first ', 'second'], digests: ['first ', 'second'], text: 'first second', isFinished: true },
  { extents: ['first ', 'turned'], digests: ['first ', 'second'], text: 'first ', isFinished: false },
  {
    extents: ['turned', 'second'],
    digests: ['first ', 'second'],
    text: '\0\0\0\0\0\0second',
    isFinished: false,
  },
])(
  'a file has its times, which say that it is whole, only when its last extent was written: $extents',
  ({ extents, digests, text, isFinished }) => {
    const root = makeTemporaryDirectory()
    const responses: FromRestoreWorker[] = []
    const worker = new RestoreWorker({ root, specialBits: false, isResumed: false }, (response) =>
      responses.push(response),
    )
    const chunks = makeChunkColumns(2)
    chunks.bytes.fill(6)
    chunks.extentCounts.fill(1)
    digests.forEach((content, chunk) => chunks.digests.set(sha256Of(Buffer.from(content)), chunk * 32))
    worker.receive({
      type: 'write',
      job: 1,
      packKey: 'a pack',
      data: Uint8Array.from(Buffer.from(extents.join(''))),
      offset: 0,
      chunks,
      frames: extents.map((_, chunk) => ({
        frame: {
          codec: codec.raw,
          offset: chunk * 6,
          storedBytes: 6,
          rawBytes: 6,
          firstChunk: chunk,
          chunkCount: 1,
        },
        chunkCount: 1,
      })),
      extents: { rows: new Uint32Array(2), offsets: Float64Array.of(0, 6) },
      files: columnsOf(12, 2),
    })
    worker.close()
    expect(responses).toMatchObject([
      { type: 'done', job: 1, corruptChunks: isFinished ? [] : [{ chunk: 0 }], problems: [] },
    ])
    expect(readFileSync(join(root, 'file'), 'latin1')).toBe(text)
    expect(Math.floor(statSync(join(root, 'file')).mtimeMs) === 0).toBe(isFinished)
  },
)

test('a file that an interrupted restore left longer than it is ends where it should', () => {
  const root = makeTemporaryDirectory()
  writeFileSync(join(root, 'file'), 'content, and more')
  const responses: FromRestoreWorker[] = []
  const worker = new RestoreWorker({ root, specialBits: false, isResumed: true }, (response) =>
    responses.push(response),
  )
  worker.receive({ type: 'finish', job: 3, remove: false, files: columnsOf(7, 0) })
  worker.close()
  expect(responses).toMatchObject([{ type: 'done', job: 3, problems: [] }])
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('content')
})
