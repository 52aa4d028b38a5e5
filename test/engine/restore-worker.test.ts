import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileColumns } from '../../engine/restore-message.ts'
import type { FromRestoreWorker } from '../../engine/restore-message.ts'
import { RestoreWorker } from '../../engine/restore-worker.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'

test('a file that an interrupted restore left longer than it is ends where it should', () => {
  const root = makeTemporaryDirectory()
  writeFileSync(join(root, 'file'), 'content, and more')
  const answers: FromRestoreWorker[] = []
  const worker = new RestoreWorker({ root, specialBits: false, isResumed: true }, (answer) => answers.push(answer))
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const file = { latin1Path: 'file', size: 7, sparse: false, mode: 0o644, mtimeNs: 0n, writes: 1, linkTo: null, damage: null, ...own }
  worker.receive({ type: 'finish', job: 3, remove: false, files: fileColumns([{ number: 0, file, allPieces: 0 }]) })
  worker.close()
  expect(answers).toMatchObject([{ type: 'done', job: 3, problems: [] }])
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('content')
})
