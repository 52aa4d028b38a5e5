// What each step of an examination runs, as whom, and what it sees of the file system between them.
import type { RestoreTestStep } from '../guardrails/restore-test-machine.ts'
import { vaultBucketName } from '../guardrails/names.ts'
import type { Duty, VaultLocation } from '../guardrails/names.ts'

/** Where a container finds what: the two access points of the file system, and a disk of its own that goes with the task. */
export const mountPaths = { data: '/restore', answer: '/answer', scratch: '/scratch' } as const
export type Mount = keyof typeof mountPaths

export interface StepPlan {
  /** The task's role; null: it has none, and finds no credentials. */
  duty: Duty | null
  /** Whether its network leads to the vault. */
  isNearVault: boolean
  entryPoint: string[]
  command: (location: VaultLocation, source: string) => string[]
  mounts: Partial<Record<Mount, 'read' | 'write'>>
  cpu: string
  memoryMiB: string
  timeoutSeconds: number
}

/** Below the mount: the restore needs a directory that it can make. */
const restoredDirectory = `${mountPaths.data}/data`
const answerFile = `${mountPaths.answer}/examination.json`
const kind = 'postgres'

/** What a state leaves a task for being started and stopped, besides the minutes in which it works. */
const startStopMinutes = 10
const runMinutes = { empty: 50, restore: 230, examine: 110 } as const
const stateSeconds = (step: keyof typeof runMinutes) => (runMinutes[step] + startStopMinutes) * 60

/**
 * Whoever writes what is restored ends by itself before its state does: Step Functions only asks ECS to stop a task, which may fail, and it
 * would go on behind the step that empties. A minute to end as it wants to; status 124. Coreutils, which Debian's images all have.
 */
function endAfter(minutes: number, ...program: string[]): string[] {
  return ['timeout', '--kill-after=60', String(minutes * 60), ...program]
}

export const restoreTestPlan: Readonly<Record<RestoreTestStep, StepPlan>> = {
  empty: {
    // To write among what is restored takes this role.
    duty: 'drill',
    isNearVault: false,
    entryPoint: endAfter(runMinutes.empty, 'sh', '-c'),
    // Neither follows a link, and what was restored may have taken its owner's rights away.
    command: () => [
      `chmod -R u+rwX ${mountPaths.data} ${mountPaths.answer} && find ${mountPaths.data} ${mountPaths.answer} -mindepth 1 -delete`,
    ],
    mounts: { data: 'write', answer: 'write' },
    cpu: '256',
    memoryMiB: '512',
    timeoutSeconds: stateSeconds('empty'),
  },
  restore: {
    duty: 'drill',
    isNearVault: true,
    entryPoint: endAfter(runMinutes.restore, 'holdfast'),
    command: (location, source) => [
      'restore',
      '--bucket',
      vaultBucketName(location),
      '--region',
      location.region,
      '--no-assume-role',
      '--json',
      '--source',
      source,
      '--target',
      restoredDirectory,
    ],
    mounts: { data: 'write' },
    cpu: '2048',
    memoryMiB: '4096',
    timeoutSeconds: stateSeconds('restore'),
  },
  examine: {
    duty: null,
    isNearVault: false,
    entryPoint: ['holdfast'],
    // PostgreSQL writes: it is started on a copy, on a disk that nobody else sees.
    command: () => [
      'examine',
      restoredDirectory,
      '--kind',
      kind,
      '--postgres-bin',
      '/usr/lib/postgresql/{major}/bin',
      '--scratch',
      mountPaths.scratch,
      '--minutes',
      String(runMinutes.examine),
      '--answer',
      answerFile,
      '--json',
    ],
    mounts: { data: 'read', answer: 'write', scratch: 'write' },
    cpu: '2048',
    memoryMiB: '4096',
    timeoutSeconds: stateSeconds('examine'),
  },
  check: {
    // It reads what may be anything, and prints what is counted: neither takes a role.
    duty: null,
    isNearVault: false,
    entryPoint: ['holdfast'],
    command: (_, source) => ['check-examination', answerFile, '--source', source, '--kind', kind, '--json'],
    mounts: { answer: 'read' },
    cpu: '256',
    memoryMiB: '512',
    timeoutSeconds: 900,
  },
}

/** In UTC; after the nightly verification, which says more cheaply that something is missing. */
export const restoreTestSchedule = 'cron(0 6 * * ? *)'
/** A day, the hour of the window in which it may start, and all that its steps may take. */
export const restoreTestSilenceHours = 36

/** Of the record that the last step prints if all is well. Nothing that the examination itself prints gets into that log. */
export function restoreTestPassedFilter(source: string): string {
  return `{ ($.type = "checked-examination") && ($.source = "${source}") && ($.kind = "${kind}") && ($.ok IS TRUE) }`
}
