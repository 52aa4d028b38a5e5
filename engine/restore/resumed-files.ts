// Finds the files that an interrupted restore left, so that the next one fetches only what they lack.
import type { PlannedFiles } from '../../core/restore-plan/planned-entries.ts'
import { DirectoryHandles } from '../directory-handles.ts'
import { fileProgress } from './entry-metadata.ts'

export class ResumedFiles {
  /** Finished files. */
  count = 0
  /** Their bytes, and the bytes of other files that were found on the disk. */
  bytes = 0
  private readonly flags: Uint8Array

  /** @param files 0 without an interrupted restore. */
  constructor(files: number) {
    this.flags = new Uint8Array(files)
  }

  add(file: number, isFinished: boolean, bytes: number): void {
    this.flags[file] = isFinished ? finished : begun
    if (!isFinished) return
    this.count++
    this.bytes += bytes
  }

  isFinished(file: number): boolean {
    return this.flags[file] === finished
  }

  /** Some of its bytes may be on the disk. */
  isBegun(file: number): boolean {
    return this.flags[file] === begun
  }
}

const finished = 1
const begun = 2

/**
 * Compares size and time, because a restore sets the time of a file last. Unless `isSameBoot`, this proves nothing: a
 * crash may have lost bytes of a finished file.
 */
export function findResumedFiles(files: PlannedFiles, root: string, isSameBoot: boolean): ResumedFiles {
  const resumed = new ResumedFiles(files.length)
  const handles = new DirectoryHandles(root)
  for (let file = 0; file < files.length; file++) {
    if (files.damage.has(file) || files.firstNameOf(file) !== null) continue
    const size = files.sizeOf(file)
    const { mtimeNs } = files.metadataOf(file)
    const progress = fileProgress({ size, mtimeNs }, handles.at(files.pathOf(file)))
    if (progress !== 'absent') resumed.add(file, progress === 'finished' && isSameBoot, size)
  }
  handles.close()
  return resumed
}
