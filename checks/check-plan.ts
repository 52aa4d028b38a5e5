// The scheduled checks: commands of the published CLI, with their role and schedule, one task for each source.
import { vaultBucketName } from '../guardrails/names.ts'
import type { Duty, VaultLocation } from '../guardrails/names.ts'

export interface CheckPlan {
  /** Kebab-case, because it is part of the names of task, schedule, metric and alarm. */
  name: string
  /** The role of the task. */
  duty: Duty
  /** The statement that a passed check confirms. */
  sentence: string
  /** The arguments of `holdfast`. */
  command: (location: VaultLocation, source: string) => string[]
  /** A cron expression of EventBridge Scheduler, in UTC. */
  schedule: string
  /** A filter of CloudWatch Logs for the record that the command prints if the check passes. */
  passedFilter: (source: string) => string
  /**
   * The alarm fires after so many hours without a passed check. At most 168, because CloudWatch looks back no
   * further.
   */
  silenceHours: number
  cpu: string
  memoryMiB: string
}

/** The task's role reads the vault directly, so the command assumes no role and needs no endpoint of STS. */
function verifyCommand(location: VaultLocation, source: string, ...options: string[]): string[] {
  return [
    'verify',
    '--bucket',
    vaultBucketName(location),
    '--region',
    location.region,
    '--no-assume-role',
    '--json',
    '--source',
    source,
    ...options,
  ]
}

function verifiedFilter(source: string, readData: boolean): string {
  return `{ ($.type = "verify") && ($.source = "${source}") && ($.ok IS TRUE) && ($.readData IS ${readData ? 'TRUE' : 'FALSE'}) }`
}

export const checkPlans: readonly CheckPlan[] = [
  {
    name: 'verify',
    duty: 'drill',
    sentence: 'The newest snapshot is complete and locked: every object was checked, and the tree was read',
    command: (location, source) => verifyCommand(location, source),
    schedule: 'cron(0 2 * * ? *)',
    passedFilter: (source) => verifiedFilter(source, false),
    // A day, the hour of the start window, and five hours for a large snapshot.
    silenceHours: 30,
    cpu: '1024',
    memoryMiB: '4096',
  },
  {
    name: 'read',
    duty: 'drill',
    sentence: 'Every byte of the newest snapshot was fetched and hashed',
    command: (location, source) => verifyCommand(location, source, '--read-data'),
    // Twice a week, because CloudWatch looks back one week only: a missed weekly check would go unnoticed.
    schedule: 'cron(0 4 ? * SUN,WED *)',
    passedFilter: (source) => verifiedFilter(source, true),
    silenceHours: 120,
    cpu: '2048',
    memoryMiB: '4096',
  },
]
