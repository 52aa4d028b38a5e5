// The plan and the result of a restore, as text and as records.
import type { PathSelection } from '../../core/tree/path-selection.ts'
import type { RestorePart, RestorePlan, RestoreResult } from '../../engine/operations.ts'
import { shardText } from '../../core/restore-plan/shards.ts'
import type { LineageBreak } from '../../core/snapshot/lineage.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { SnapshotChoice } from '../../core/snapshot/snapshot-choice.ts'
import { choiceRecord, choiceWarnings, missingText } from './choice-text.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, countText, durationText, rows } from './figures.ts'
import { leftOutText } from './left-out.ts'
import { pathList, problemLines, problemRecords } from './problem-list.ts'
import { estimateText, slowEstimateMs } from './restore-time.ts'
import { pathRecord, terminalText } from './terminal-text.ts'

export interface RestoreSubject {
  choice: SnapshotChoice
  /** The snapshot before the chosen one, if it is much larger. */
  largerBefore: Snapshot | null
  /** How the chosen snapshot doesn't continue the one before it. */
  breaks: readonly LineageBreak[]
  selection: PathSelection
  target: string
  /** Undefined: the whole restore. */
  part?: RestorePart | undefined
  vault: string
  /** When the session ends that only another code of a second factor renews; null if it needs none. */
  factorEndsInMs: number | null
}

export function planRecord(plan: RestorePlan, subject: RestoreSubject): Record<string, unknown> {
  const { notRestorable, missing, notRecorded, ...figures } = plan
  return {
    ...choiceRecord(subject.choice),
    largerBefore: largerRecord(subject),
    breaks: subject.breaks,
    vault: subject.vault,
    target: subject.target,
    part: subject.part ?? null,
    paths: subject.selection.paths.map(pathRecord),
    patterns: subject.selection.patternTexts,
    ...figures,
    secondFactorEndsInMs: subject.factorEndsInMs,
    notRestorable: problemRecords(notRestorable),
    missing: problemRecords(missing),
    notRecorded: problemRecords(notRecorded),
  }
}

export function renderPlan(plan: RestorePlan, subject: RestoreSubject): string {
  const { snapshot } = subject.choice
  return `${choiceWarnings(subject.choice)}${largerWarning(subject)}${breakWarnings(subject)}Plan: restore ${snapshot.source} as of ${timeText(snapshot.timeMs)}.\n${rows(
    [
      ['snapshot', `${snapshot.id} (${snapshot.manifest.sourceKind})`],
      ['what', whatText(subject)],
      ['content', contentText(plan)],
      [
        'from',
        `${subject.vault}: ${bytesText(plan.bytesToFetch)} of ${countOf(plan.packs, 'pack')} in ${countOf(plan.requests, 'request')}`,
      ],
      ['to', terminalText(subject.target)],
      ['time', estimateText(plan.bytesToFetch)],
      ...secondFactorRows(plan, subject),
      ['missing', missingText(subject.choice)],
      ...leftOutRows(plan),
    ],
  )}${planProblems(plan)}\n`
}

export function restoredRecord(result: RestoreResult, subject: RestoreSubject): Record<string, unknown> {
  const { plan, problems, damaged, ...figures } = result
  return {
    ...choiceRecord(subject.choice),
    largerBefore: largerRecord(subject),
    breaks: subject.breaks,
    target: subject.target,
    part: subject.part ?? null,
    ok: damaged.length === 0 && plan.isComplete,
    summary: summaryText(result, subject),
    files: plan.files,
    entries: plan.entries,
    ...figures,
    problems: problems.map(({ path, detail }) => ({ ...pathRecord(path), detail })),
    notRestored: problemRecords(plan.notRestorable),
    missing: problemRecords(plan.missing),
    notRecorded: problemRecords(plan.notRecorded),
    unlistedProblems: plan.unlistedProblems,
    leftOut: plan.leftOut,
    damaged: damaged.map(({ path, detail }) => ({ ...pathRecord(path), detail })),
  }
}

export function renderRestored(result: RestoreResult, subject: RestoreSubject): string {
  const { snapshot } = subject.choice
  const head =
    result.damaged.length > 0 || !result.plan.isComplete
      ? 'RESTORED IN PART'
      : subject.part?.kind === 'shard'
        ? 'Not yet published'
        : 'Restored'
  return `${largerWarning(subject)}${breakWarnings(subject)}${head}: ${shardPrefix(subject)}${snapshot.source} as of ${timeText(snapshot.timeMs)}, in ${terminalText(subject.target)}.\n${rows(
    [
      ['content', contentText(result.plan)],
      [
        'written',
        `${bytesText(result.bytesWritten)}, every byte checked by its hash; ${bytesText(result.bytesFetched)} fetched`,
      ],
      ...(result.filesResumed === 0
        ? []
        : [
            [
              'resumed',
              `${countOf(result.filesResumed, 'file')} with ${bytesText(result.bytesResumed)} had been restored before`,
            ] as const,
          ]),
      ['missing', missingText(subject.choice)],
      ...leftOutRows(result.plan),
      ['left out', 'file flags (chattr) and birth times: no snapshot records them'],
      ['took', durationText(result.durationMs)],
    ],
  )}${result.damaged.length === 0 ? '' : pathList('Lost or damaged in the vault, not restored', result.damaged)}${planProblems(
    result.plan,
  )}${
    result.problems.length === 0
      ? ''
      : pathList(`Restored without all of their metadata (${result.problemCount})`, result.problems)
  }${nextStep(result, subject)}`
}

const finishPart: RestorePart = { kind: 'finish' }

function whatText({ selection, part = finishPart }: RestoreSubject): string {
  const content = selection.isAll ? 'everything' : terminalText(selection.names.join(', '))
  return part.kind === 'finish' ? content : `shard ${shardText(part.shard)} of ${content}`
}

function shardPrefix({ part = finishPart }: RestoreSubject): string {
  return part.kind === 'finish' ? '' : `shard ${shardText(part.shard)} of `
}

function nextStep(result: RestoreResult, subject: RestoreSubject): string {
  return subject.part?.kind === 'shard'
    ? '\nWhen all shards have ended, repeat the command with --finish in place of --shard.\n'
    : `\nFor the incident's channel:\n${summaryText(result, subject)}\n`
}

/** One paragraph that stands alone. */
function summaryText({ plan, damaged, durationMs }: RestoreResult, subject: RestoreSubject): string {
  const { snapshot } = subject.choice
  const isWhole = damaged.length === 0 && plan.isComplete
  const hasAll = subject.selection.isAll && (subject.part ?? finishPart).kind === 'finish'
  const part = hasAll ? snapshot.source : `A part of ${snapshot.source}`
  const gaps = [
    missingText(subject.choice),
    ...(plan.isComplete ? [] : ['what the snapshot lacks']),
    ...(damaged.length === 0 ? [] : [countOf(damaged.length, 'damaged entry', 'damaged entries')]),
  ]
  const missing =
    snapshot.manifest.postgres === undefined
      ? `Missing: ${gaps.join(', ')}.`
      : 'These files are a base: they are one state only after PostgreSQL has replayed WAL.'
  return `${part} is restored ${isWhole ? '' : 'IN PART '}as of ${timeText(snapshot.timeMs)} (snapshot ${snapshot.id}), in ${durationText(durationMs)}: ${countOf(plan.files, 'file')}, ${bytesText(plan.bytes)}, every byte checked by its hash. ${missing}`
}

/** A restore goes on with the old session while it asks for a code, and no code comes if no human is there. */
function secondFactorRows(
  { bytesToFetch }: RestorePlan,
  { factorEndsInMs }: RestoreSubject,
): [string, string][] {
  if (factorEndsInMs === null || slowEstimateMs(bytesToFetch) < factorEndsInMs) return []
  const text = `the session ends in ${durationText(factorEndsInMs)}, which may be before the restore: stay at the terminal, which asks for another code`
  return [['second factor', text]]
}

/** Entries that rules of the backup left out are not missing, and not there either. */
function leftOutRows({ leftOut }: RestorePlan): [string, string][] {
  return leftOut.length === 0 ? [] : [['by rules', `the backup left out ${leftOutText(leftOut)}`]]
}

function breakWarnings({ breaks }: RestoreSubject): string {
  return breaks.map(({ detail }) => `warning: ${terminalText(detail)}\n`).join('')
}

function largerRecord({ largerBefore }: RestoreSubject): object | null {
  if (largerBefore === null) return null
  const { id, timeMs, manifest } = largerBefore
  return { id, time: timeText(timeMs), files: manifest.tree.files, bytes: manifest.tree.bytes }
}

function largerWarning({ largerBefore, choice }: RestoreSubject): string {
  if (largerBefore === null) return ''
  const { files, bytes } = choice.snapshot.manifest.tree
  const { tree } = largerBefore.manifest
  return `warning: the snapshot is much smaller than ${largerBefore.id} of ${timeText(largerBefore.timeMs)} before it: ${countText(files)} of ${countOf(tree.files, 'file')}, ${bytesText(bytes)} of ${bytesText(tree.bytes)}\n`
}

function planProblems({ missing, notRecorded, notRestorable, unlistedProblems }: RestorePlan): string {
  const problems = [...missing, ...notRestorable, ...notRecorded]
  return problemLines(problems, problems.length + unlistedProblems)
}

function contentText(plan: RestorePlan): string {
  const counts = [
    countOf(plan.directories, 'directory', 'directories'),
    ...(plan.symlinks === 0 ? [] : [countOf(plan.symlinks, 'symbolic link')]),
    ...(plan.hardLinks === 0 ? [] : [countOf(plan.hardLinks, 'hard link')]),
  ]
  return `${countOf(plan.files, 'file')}, ${counts.join(', ')}: ${bytesText(plan.bytes)}`
}
