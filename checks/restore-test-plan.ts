// The steps of a scheduled restore test: the program of each, its role, and its mounts of the shared file system.
import type { RestoreTestStep } from '../guardrails/restore-test-machine.ts'
import { vaultBucketName } from '../guardrails/names.ts'
import type { Duty, VaultLocation } from '../guardrails/names.ts'

/** The mount points of a container: two access points of the shared file system, and a disk that ends with the task. */
export const mountPaths = { data: '/restore', answer: '/answer', scratch: '/scratch' } as const
export type Mount = keyof typeof mountPaths

export interface StepPlan {
  /** The task's role; null: it has no role and no credentials. */
  duty: Duty | null
  /** Whether the task's network has a route to the vault. */
  isNearVault: boolean
  entryPoint: string[]
  command: (location: VaultLocation, source: string) => string[]
  mounts: Partial<Record<Mount, 'read' | 'write'>>
  cpu: string
  memoryMiB: string
  timeoutSeconds: number
}

/** Below the mount, because the restore must create its directory. */
const restoredDirectory = `${mountPaths.data}/data`
const answerFile = `${mountPaths.answer}/examination.json`
const kind = 'postgres'

/** The time that a state allows for starting and stopping a task, besides its working minutes. */
const startStopMinutes = 10
const runMinutes = { empty: 50, restore: 230, examine: 110 } as const
const stateSeconds = (step: keyof typeof runMinutes) => (runMinutes[step] + startStopMinutes) * 60

/**
 * A task that writes restored data must end by itself before its state does: Step Functions only asks ECS to stop a
 * task. If that fails, the task would go on writing after the step that empties. `timeout` (coreutils, in all images
 * of Debian) gives it a minute to end; its exit status is 124.
 */
function endAfter(minutes: number, ...program: string[]): string[] {
  return ['timeout', '--kill-after=60', String(minutes * 60), ...program]
}

export const restoreTestPlan: Readonly<Record<RestoreTestStep, StepPlan>> = {
  empty: {
    // Only this role may write to the restored data.
    duty: 'drill',
    isNearVault: false,
    entryPoint: endAfter(runMinutes.empty, 'sh', '-c'),
    // Neither command follows links. chmod comes first, because restored modes may deny their owner.
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
    // PostgreSQL writes to its data, so it runs on a copy, on a disk that no other task mounts.
    command: () => [
      'examine',
      restoredDirectory,
      '--kind',
      kind,
      '--postgres-bin',
      '/usr/lib/postgresql/{major}/bin',
      '--scratch',
      mountPaths.scratch,
      // Fargate allows no namespaces. This task has no role and its own virtual machine, and examine checks both.
      '--isolation',
      'task',
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
    // It reads untrusted data and prints the record that is counted: neither needs a role.
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

/** In UTC; after the nightly verification, which finds missing objects at less cost. */
export const restoreTestSchedule = 'cron(0 6 * * ? *)'
/** A day, the hour of the start window, and the maximum time of all steps. */
export const restoreTestSilenceHours = 36

/** A filter for the record that the last step prints if the test passes. The untrusted step writes to another log. */
export function restoreTestPassedFilter(source: string): string {
  return `{ ($.type = "checked-examination") && ($.source = "${source}") && ($.kind = "${kind}") && ($.ok IS TRUE) }`
}
