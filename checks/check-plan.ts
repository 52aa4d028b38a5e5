// The tasks of the vault's account: commands of the published CLI, each with its role, its schedule and its alarm.
import { auditBucketName, reportKeyAlias, vaultBucketName } from '../guardrails/names.ts'
import type { TaskRole, VaultLocation } from '../guardrails/names.ts'

/** A task for each target: a source, or a whole vault. */
export interface TaskPlan<Target> {
  /** Kebab-case, because it is part of the names of task, schedule, metric and alarm. */
  name: string
  /** The role of the task. */
  duty: TaskRole
  /** The statement that a passed run confirms. */
  sentence: string
  /** The arguments of `holdfast`. */
  command: (target: Target) => string[]
  /** A cron expression of EventBridge Scheduler, in UTC. */
  schedule: string
  /** The task starts within so many minutes, so that not all start at once. */
  windowMinutes: number
  /**
   * A filter of CloudWatch Logs for the record that the command prints if its run passes. The field `source` of the
   * record tells the sources apart.
   */
  passedFilter: string
  /**
   * The alarm fires after so many hours without a passed run. At most 168, because CloudWatch looks back no
   * further.
   */
  silenceHours: number
  cpu: string
  memoryMiB: string
  /** A disk of the task's own, under this path: the image makes the directory, with the task's user as its owner. */
  disk?: { path: string; gib: number }
}

/** A vault, with the objectives that the program's configuration gives it. */
export interface VaultTarget {
  location: VaultLocation
  /** On-call is paged if no good backup was committed for so long. */
  silenceHours: number
  promiseDays: number
  generationDays: number
  lockMode: 'COMPLIANCE' | 'GOVERNANCE'
  renewal: 'upload' | 'extend'
  /** The public keys of the notary, in PEM. */
  notaryPem: string
  /** The settings of the bucket as the program declares them, in JSON. The network has no way to IAM, for roles. */
  expected: string
}

export interface SourceTarget extends VaultTarget {
  source: string
}

/** The backup itself takes time, and so does the notary's next run, without which no snapshot counts as good. */
const graceHours = 6

/** The task's role reads the vault directly, so the command assumes no role and needs no endpoint of STS. */
function vaultOptions({ location, notaryPem }: VaultTarget): string[] {
  return [
    '--bucket',
    vaultBucketName(location),
    '--region',
    location.region,
    '--no-assume-role',
    '--json',
    '--notary-key',
    notaryPem,
  ]
}

function checkCommand(target: SourceTarget, ...options: string[]): string[] {
  const { source, silenceHours, promiseDays, generationDays, lockMode } = target
  return [
    'check',
    ...vaultOptions(target),
    '--source',
    source,
    '--max-age',
    `${silenceHours + graceHours}h`,
    '--promise-days',
    String(promiseDays),
    '--generation-days',
    String(generationDays),
    '--lock-mode',
    lockMode,
    '--signing-key',
    reportKeyAlias,
    ...options,
  ]
}

/** An alarm of Friday that is acknowledged on Monday: a weekend, and the hours of a morning. */
const acknowledgedHours = 80

// A day, the hour of the start window, and five hours for a large source.
const dailySilenceHours = 30

/** One task for each source. */
export const sourcePlans: readonly TaskPlan<SourceTarget>[] = [
  {
    name: 'notary',
    duty: 'notary',
    sentence: 'Each new snapshot was read and attested, and no receipt is in doubt',
    command: (target) => [
      'notary',
      ...vaultOptions(target),
      '--source',
      target.source,
      '--promise-days',
      String(target.promiseDays),
    ],
    schedule: 'cron(30 0/3 * * ? *)',
    windowMinutes: 15,
    passedFilter: '{ ($.type = "notary") && ($.ok IS TRUE) }',
    // Time for a large first snapshot.
    silenceHours: 12,
    cpu: '2048',
    memoryMiB: '4096',
  },
  {
    name: 'freshness',
    duty: 'drill',
    sentence: 'The newest good snapshot is young enough, and so is the WAL of a cluster, without a gap',
    command: (target) => checkCommand(target, '--only', 'freshness', 'wal', '--read-days', '0'),
    schedule: 'cron(0 0/6 * * ? *)',
    windowMinutes: 15,
    // Every run that asks for both begins with them.
    passedFilter:
      '{ ($.type = "source-checks") && ($.ok IS TRUE) && ($.checks[0] = "freshness") && ($.checks[1] = "wal") }',
    silenceHours: 8,
    cpu: '256',
    memoryMiB: '1024',
  },
  {
    name: 'verify',
    duty: 'drill',
    sentence:
      'The newest good snapshot is young enough, so is the WAL, everything that live snapshots need is there and locked, and no trace of tampering was found',
    command: (target) =>
      checkCommand(
        target,
        '--read-days',
        '0',
        '--expected',
        target.expected,
        '--acknowledged-within',
        `${acknowledgedHours}h`,
      ),
    schedule: 'cron(0 2 * * ? *)',
    windowMinutes: 60,
    // Only a run of all checks begins with these three.
    passedFilter:
      '{ ($.type = "source-checks") && ($.ok IS TRUE) && ($.checks[0] = "freshness") && ($.checks[1] = "wal") && ($.checks[2] = "integrity") }',
    silenceHours: dailySilenceHours,
    cpu: '1024',
    memoryMiB: '4096',
  },
  {
    name: 'read',
    duty: 'drill',
    sentence: 'A seventh of all live bytes was fetched and hashed, so that a week reads them all',
    command: (target) => checkCommand(target, '--only', 'integrity', '--read-days', '7'),
    schedule: 'cron(0 4 * * ? *)',
    windowMinutes: 60,
    passedFilter: '{ ($.type = "source-checks") && ($.ok IS TRUE) && ($.readsBytes IS TRUE) }',
    silenceHours: dailySilenceHours,
    cpu: '2048',
    memoryMiB: '4096',
  },
]

/** infra/Containerfile has the directory. */
const drillScratch = '/scratch'

/** One task for each vault: the custodian also looks after the reports, which belong to no source. */
export const vaultPlans: readonly TaskPlan<VaultTarget>[] = [
  {
    name: 'custodian',
    duty: 'custodian',
    sentence: 'Every lock that a live snapshot needs was extended, and nothing was in doubt',
    command: (target) => [
      'custodian',
      '--apply',
      ...vaultOptions(target),
      '--promise-days',
      String(target.promiseDays),
      '--renewal',
      target.renewal,
    ],
    schedule: 'cron(0 6 * * ? *)',
    windowMinutes: 60,
    passedFilter: '{ ($.type = "custodian") && ($.ok IS TRUE) && ($.applied IS TRUE) }',
    silenceHours: dailySilenceHours,
    cpu: '1024',
    memoryMiB: '4096',
  },
  {
    name: 'drill',
    duty: 'drill',
    sentence: 'A random source came back, as it was at a random time and newest, within its objectives',
    command: (target) => [
      'drill',
      ...vaultOptions(target),
      '--scratch',
      drillScratch,
      // Fargate has no namespaces, so that restored programs start in the tasks of restore tests alone.
      '--no-start',
      '--max-age',
      `${target.silenceHours + graceHours}h`,
      '--promise-days',
      String(target.promiseDays),
      '--signing-key',
      reportKeyAlias,
    ],
    schedule: 'cron(0 8 ? * WED,SUN *)',
    windowMinutes: 60,
    passedFilter: '{ ($.type = "drill-run") && ($.ok IS TRUE) }',
    // Four days lie between two runs at most, and a drill may last twelve hours.
    silenceHours: 120,
    cpu: '2048',
    memoryMiB: '4096',
    disk: { path: drillScratch, gib: 200 },
  },
]

/** The audit trail, with the accounts whose agents are watched. */
export interface TrailTarget {
  /** The audit bucket lies here, in the first region of the vault. */
  location: VaultLocation
  accountIds: readonly string[]
}

/** Tasks on the audit trail, once in a deployment. */
export const trailPlans: readonly TaskPlan<TrailTarget>[] = [
  {
    name: 'agents',
    duty: 'audit-reader',
    sentence:
      'No agent made a call that it never made before, and none met a burst of denials; no administrator was delegated',
    command: ({ location, accountIds }) => [
      'agents',
      '--bucket',
      auditBucketName(location),
      '--region',
      location.region,
      '--no-assume-role',
      '--json',
      '--account',
      ...accountIds,
    ],
    schedule: 'cron(0 3 * * ? *)',
    windowMinutes: 60,
    passedFilter: '{ ($.type = "agents") && ($.ok IS TRUE) }',
    silenceHours: dailySilenceHours,
    cpu: '1024',
    memoryMiB: '2048',
  },
]

export const taskPlans: readonly TaskPlan<never>[] = [...sourcePlans, ...vaultPlans, ...trailPlans]
