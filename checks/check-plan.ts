// Which checks run by themselves, as whom, and how often: commands of the published CLI, one task for each source.
import { vaultBucketName } from '../guardrails/names.ts'
import type { Duty, VaultLocation } from '../guardrails/names.ts'

export interface CheckPlan {
  /** Kebab-case; part of the names of task, schedule, metric and alarm. */
  name: string
  /** The role of the task, and of nothing else in it. */
  duty: Duty
  sentence: string
  /** What `holdfast` is started with. */
  command: (location: VaultLocation, source: string) => string[]
  /** As EventBridge Scheduler writes it, in UTC. */
  schedule: string
  /** Of the record that the command prints if all is well: a filter of CloudWatch Logs. */
  passedFilter: (source: string) => string
  /** Without a check that passed for so long, somebody is woken: 168 at most, as far as CloudWatch looks back. */
  silenceHours: number
  cpu: string
  memoryMiB: string
}

/** The task's own role reads: no further role is assumed, and no endpoint of STS is needed. */
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
    sentence: 'The newest snapshot is there, whole and locked: every object is looked at, the tree is read',
    command: (location, source) => verifyCommand(location, source),
    schedule: 'cron(0 2 * * ? *)',
    passedFilter: (source) => verifiedFilter(source, false),
    // A day, the hour of the window in which it may start, and five for a large one.
    silenceHours: 30,
    cpu: '1024',
    memoryMiB: '4096',
  },
  {
    name: 'read',
    duty: 'drill',
    sentence: 'Every byte of the newest snapshot is fetched and hashed',
    command: (location, source) => verifyCommand(location, source, '--read-data'),
    // Twice a week: CloudWatch doesn't look back over more than one, so that a weekly check could be missed unnoticed.
    schedule: 'cron(0 4 ? * SUN,WED *)',
    passedFilter: (source) => verifiedFilter(source, true),
    silenceHours: 120,
    cpu: '2048',
    memoryMiB: '4096',
  },
]
