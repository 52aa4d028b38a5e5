// Metrics as a file for the textfile collector of Prometheus' node exporter.
import { fchmodSync, writeFileSync } from 'node:fs'
import { replaceFile } from '../local-file.ts'

/** The collector is another user. The metrics hold names and figures, and no secret. */
const readableByAll = 0o644

/** Replaces the file at once, because the collector may read at any time. @throws `disk-full` or `target`. */
export function writeMetricsFile(file: string, text: string): void {
  const hint = 'give --metrics a file in a directory that this user may write to'
  replaceFile(file, { name: 'the file of metrics', hint }, (descriptor) => {
    fchmodSync(descriptor, readableByAll)
    writeFileSync(descriptor, text)
  })
}
