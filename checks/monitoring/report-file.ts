// Reports as local files: a job of a watch leaves its report there, and the watch makes metrics of it.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { HoldfastError } from '../../core/errors.ts'
import { assertOwnFile } from '../../engine/backup/cache-directory.ts'
import { replaceFile } from '../local-file.ts'
import { decodeReport, encodeReport, maxReportBytes } from '../reports/report.ts'
import type { Report } from '../reports/report.ts'

const reportFiles = {
  name: 'the file of the report',
  hint: 'give --report-file a file in a directory that this user, and no other, may write to',
}

/** @throws `disk-full` or `target`. */
export function writeReportFile(file: string, report: Report): void {
  replaceFile(file, reportFiles, (descriptor) => writeFileSync(descriptor, encodeReport(report)))
}

/** Null if there is no file, or none that can be used: then the job has no metrics, and an alert says so. */
export function readReportFile(file: string): Report | null {
  try {
    assertOwnFile(file, reportFiles)
    const size = statSync(file, { throwIfNoEntry: false })?.size
    if (size === undefined || size > maxReportBytes) return null
    return decodeReport(readFileSync(file), null)
  } catch (error) {
    if (error instanceof HoldfastError) return null
    throw error
  }
}
