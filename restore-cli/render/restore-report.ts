// The plan and the result of a restore, as text and as records.
import { pathText } from '../../core/tree/path-text.ts'
import type { RestorePlan, RestoreResult, TreePath } from '../../engine/operations.ts'
import type { SnapshotChoice } from '../../core/snapshot/snapshot-choice.ts'
import { choiceRecord, choiceWarnings, missingText } from './choice-text.ts'
import { timeText } from '../../core/time-text.ts'
import { bytesText, countOf, durationText, rows } from './figures.ts'
import { pathList, problemLines, problemRecords } from './problem-list.ts'
import { pathRecord, terminalText } from './terminal-text.ts'

export interface RestoreSubject {
  choice: SnapshotChoice
  paths: readonly TreePath[]
  target: string
  vault: string
}

export function planRecord(plan: RestorePlan, subject: RestoreSubject): Record<string, unknown> {
  const { notRestorable, ...figures } = plan
  return {
    ...choiceRecord(subject.choice),
    vault: subject.vault,
    target: subject.target,
    paths: subject.paths.map(pathRecord),
    ...figures,
    notRestorable: problemRecords(notRestorable),
  }
}

export function renderPlan(plan: RestorePlan, subject: RestoreSubject): string {
  const { snapshot } = subject.choice
  return `${choiceWarnings(subject.choice)}Plan: restore ${snapshot.source} as of ${timeText(snapshot.timeMs)}.\n${rows(
    [
      ['snapshot', `${snapshot.id} (${snapshot.manifest.sourceKind})`],
      ['what', subject.paths.length === 0 ? 'everything' : subject.paths.map(pathText).join(', ')],
      ['content', contentText(plan)],
      [
        'from',
        `${subject.vault}: ${bytesText(plan.bytesToFetch)} of ${countOf(plan.packs, 'pack')} in ${countOf(plan.requests, 'request')}`,
      ],
      ['to', terminalText(subject.target)],
      ['missing', missingText(subject.choice)],
    ],
  )}${problemLines(plan.notRestorable, plan.notRestorable.length)}\n`
}

export function restoredRecord(result: RestoreResult, subject: RestoreSubject): Record<string, unknown> {
  const { plan, problems, damaged, ...figures } = result
  return {
    ...choiceRecord(subject.choice),
    target: subject.target,
    ok: damaged.length === 0,
    files: plan.files,
    entries: plan.entries,
    ...figures,
    problems: problems.map(({ path, detail }) => ({ ...pathRecord(path), detail })),
    notRestored: problemRecords(plan.notRestorable),
    damaged: damaged.map(({ path, detail }) => ({ ...pathRecord(path), detail })),
  }
}

export function renderRestored(result: RestoreResult, subject: RestoreSubject): string {
  const { snapshot } = subject.choice
  const head = result.damaged.length === 0 ? 'Restored' : 'RESTORED IN PART'
  return `${head}: ${snapshot.source} as of ${timeText(snapshot.timeMs)}, in ${terminalText(subject.target)}.\n${rows(
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
      ['took', durationText(result.durationMs)],
    ],
  )}${result.damaged.length === 0 ? '' : pathList('Lost or damaged in the vault, not restored', result.damaged)}${problemLines(
    result.plan.notRestorable,
    result.plan.notRestorable.length,
  )}${
    result.problems.length === 0
      ? ''
      : pathList(`Restored without all of their metadata (${result.problemCount})`, result.problems)
  }`
}

function contentText(plan: RestorePlan): string {
  const counts = [
    countOf(plan.directories, 'directory', 'directories'),
    ...(plan.symlinks === 0 ? [] : [countOf(plan.symlinks, 'symbolic link')]),
    ...(plan.hardLinks === 0 ? [] : [countOf(plan.hardLinks, 'hard link')]),
  ]
  return `${countOf(plan.files, 'file')}, ${counts.join(', ')}: ${bytesText(plan.bytes)}`
}
