// The result of a backup, as text and as a record.
import type { BackupResult } from '../../engine/operations.ts'
import { pathText } from '../../core/tree/path-text.ts'
import { timeText } from '../../core/time-text.ts'
import { lsnText, parseLsnHex } from '../../core/wal/lsn.ts'
import { bytesText, countOf, countText, durationText, rows } from './figures.ts'
import { leftOutText, listText } from './left-out.ts'
import { problemLines, problemRecords } from './problem-list.ts'
import { pathRecord, terminalText } from './terminal-text.ts'

export function backupRecord(result: BackupResult): Record<string, unknown> {
  const { snapshot, problems, mounts, ...figures } = result
  return {
    ...figures,
    mounts: mounts.map(pathRecord),
    snapshot: snapshot === null ? null : { ...snapshot, time: timeText(snapshot.timeMs) },
    problems: problemRecords(problems),
  }
}

export interface ReportedBackup {
  /** The root of the backup, or the address of the server. */
  directory: string
  vault: string
  packsNamed: number
  feedbackNote?: string | null
  walNote?: string | null
  /** The messages of the command, if its output was backed up. */
  messages?: string | null
}

export function renderBackup(result: BackupResult, location: ReportedBackup): string {
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
      ...(result.filesReread === 0
        ? []
        : [['read again', `${countOf(result.filesReread, 'file')} that showed no change`] as const]),
      ['new', `${bytesText(result.bytesNew)} of ${bytesText(result.bytesRead)} read`],
      [
        'uploaded',
        `${bytesText(result.bytesUploaded)} in ${countOf(result.packsUploaded, 'pack')}; ${countOf(result.packsReferenced, 'pack')} in all`,
      ],
      ...(location.packsNamed + result.packsForgotten === 0
        ? []
        : [['again', againText(result, location.packsNamed)] as const]),
      ...((location.feedbackNote ?? null) === null
        ? []
        : [['feedback', `not read, or not all of it: ${terminalText(location.feedbackNote!)}`] as const]),
      ...baseRows(result, location.walNote ?? null),
      ...((location.messages ?? '') === '' ? [] : [['command', terminalText(location.messages!)] as const]),
      ['lock', lockText(result)],
      ...leftOutRows(result),
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
      ...result.breaks.map(({ detail }) => ['WARNING', terminalText(detail)] as const),
      ...result.shortSnapshots.map(
        ({ id, timeMs, lockedUntilMs }) =>
          [
            'made again',
            `${id}${timeMs === null ? ', if the vault holds it,' : ''} is locked until ${timeText(lockedUntilMs)} only: the host or the store stood still at its commit`,
          ] as const,
      ),
      ...(result.vaultNote === null
        ? []
        : [['vault', `NOT COMPARED: ${terminalText(result.vaultNote)}`] as const]),
      ['took', durationText(result.durationMs)],
    ]) +
    problemLines(result.problems, result.problemCount)
  )
}

/** The base backup, and whether its WAL is in the vault. */
function baseRows({ base }: BackupResult, walNote: string | null): [string, string][] {
  if (base === null) return []
  const origin = base.minRecoveryLsn === null ? 'a primary' : 'a standby'
  const [start, stop] = [base.startLsn, base.stopLsn].map((lsn) => lsnText(parseLsnHex(lsn)!))
  return [
    ['base', `of ${origin}, timeline ${base.timeline}, from ${start} to ${stop}`],
    [
      'WAL',
      walNote === null ? 'in the vault up to the end of the base' : `UNKNOWN: ${terminalText(walNote)}`,
    ],
  ]
}

/** The rules of the operator, and the file systems that the snapshot spans. */
function leftOutRows({ leftOut, mounts, mountCount }: BackupResult): [string, string][] {
  const effective = leftOut.filter(({ count }) => count > 0)
  const ineffective = leftOut.filter(({ count }) => count === 0)
  return [
    ...(effective.length === 0 ? [] : [['left out', leftOutText(effective)] as [string, string]]),
    ...(ineffective.length === 0
      ? []
      : [['fit nothing', listText(ineffective.map(({ rule }) => terminalText(rule)))] as [string, string]]),
    ...(mountCount === 0
      ? []
      : [
          [
            'mounts',
            `${countOf(mountCount, 'other file system')} below the directory: ${listText(mounts.map(pathText))}`,
          ] as [string, string],
        ]),
  ]
}

function lockText({ lock }: BackupResult): string {
  if (lock === null) return 'NONE: a principal that may delete in this bucket can delete this backup'
  return `${lock.mode}, ${countOf(lock.days, 'day')}${lock.mode === 'GOVERNANCE' ? ' (a principal with the right to bypass it can delete)' : ''}`
}

function againText({ packsForgotten }: BackupResult, packsNamed: number): string {
  if (packsNamed === 0)
    return `${countOf(packsForgotten, 'pack')} that the notary asked for: no snapshot uses the old ones from now on`
  return `${packsForgotten} of ${countOf(packsNamed, 'named pack')} were in the cache: no snapshot uses them from now on`
}
