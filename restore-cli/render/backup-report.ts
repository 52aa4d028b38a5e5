// The result of a backup, as text and as a record.
import type { BackupResult } from '../../engine/operations.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText, durationText, rows } from './figures.ts'
import { problemLines, problemRecords } from './problem-list.ts'
import { terminalText } from './terminal-text.ts'

export function backupRecord(result: BackupResult): Record<string, unknown> {
  const { snapshot, problems, ...figures } = result
  return {
    ...figures,
    snapshot: snapshot === null ? null : { ...snapshot, time: timeText(snapshot.timeMs) },
    problems: problemRecords(problems),
  }
}

export function renderBackup(result: BackupResult, location: { directory: string; vault: string }): string {
  const { snapshot } = result
  const directory = terminalText(location.directory)
  const head =
    snapshot === null
      ? `Dry run: nothing of ${directory} was uploaded to ${location.vault}.\n`
      : `Backed up ${directory} to ${location.vault}.\n`
  return (
    head +
    rows([
      ['source', result.source],
      ...(snapshot === null ? [] : [['snapshot', `${snapshot.id} of ${timeText(snapshot.timeMs)}`] as const]),
      [
        'content',
        `${countOf(result.files, 'file')} (${countText(result.filesUnchanged)} unchanged) among ${countOf(result.entries, 'entry', 'entries')}, ${bytesText(result.bytes)}`,
      ],
      ['new', `${bytesText(result.bytesNew)} of ${bytesText(result.bytesRead)} read`],
      [
        'uploaded',
        `${bytesText(result.bytesUploaded)} in ${countOf(result.packsUploaded, 'pack')}; ${countOf(result.packsReferenced, 'pack')} in all`,
      ],
      ['lock', lockText(result)],
      ...(result.attributesNote === null
        ? []
        : [
            [
              'not seen',
              `extended attributes and ACLs, which are not recorded: ${terminalText(result.attributesNote)}`,
            ] as const,
          ]),
      ...(result.cacheNote === null
        ? []
        : [['cache', `not used: ${terminalText(result.cacheNote)}`] as const]),
      ['took', durationText(result.durationMs)],
    ]) +
    problemLines(result.problems, result.problemCount)
  )
}

function lockText({ lock }: BackupResult): string {
  if (lock === null) return 'NONE: a principal that may delete in this bucket can delete this backup'
  return `${lock.mode}, ${countOf(lock.days, 'day')}${lock.mode === 'GOVERNANCE' ? ' (a principal with the right to bypass it can delete)' : ''}`
}
