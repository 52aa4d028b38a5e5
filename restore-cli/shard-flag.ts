// `--shard`: which part of a work this process does, as text or as the engine that started it says.
import { Option } from 'commander'
import { HoldfastError } from '../core/errors.ts'
import { listText } from '../core/list-text.ts'
import { shardLimit } from '../core/restore-plan/shards.ts'
import type { Shard } from '../core/restore-plan/shards.ts'

type Environment = Readonly<Record<string, string | undefined>>

export function shardOption(work: string): Option {
  return new Option(
    '--shard <i/n>',
    `${work} shard i of n: 1/n to n/n; auto or auto/n: as AWS Batch, Kubernetes or Slurm numbers this task (with --snapshot)`,
  )
}

/**
 * Parses `3/8`, `auto/8` or `auto`. Nothing is read from the environment unless the text asks for it.
 * @throws `invalid-input` for a number out of range, or an environment without a number for this task.
 */
export function parseShard(text: string, environment: Environment): Shard {
  const match = /^(auto|\d{1,9})(?:\/(\d{1,9}))?$/.exec(text)
  if (match === null || (match[1] !== 'auto' && match[2] === undefined))
    throw invalid(
      `--shard ${JSON.stringify(text.slice(0, 100))} is no shard`,
      'write it as 3/8, auto or auto/8',
    )
  const count = match[2] === undefined ? null : Number(match[2])
  if (match[1] !== 'auto') return inRange({ index: Number(match[1]), count: count! }, text)
  const task = taskOf(environment)
  const taskCount = count ?? task.count
  if (taskCount === null)
    throw invalid(
      `${task.variable} numbers this task, and nothing says how many there are`,
      'pass the number of shards, e.g. --shard auto/8',
    )
  // A task of 9 of an array job that was meant to be 8 must not pass for another shard.
  if (task.count !== null && count !== null && task.count !== count)
    throw invalid(
      `${task.variable} is of ${task.count} tasks, and --shard ${text} of ${count} shards`,
      oneForEach,
    )
  return inRange({ index: task.index, count: taskCount }, `${text} (${task.variable})`)
}

const oneForEach = 'start one task for each shard'

interface Task {
  variable: string
  index: number
  /** Null if the engine doesn't say it. */
  count: number | null
}

/** @throws `invalid-input` unless exactly one engine numbers this task. */
function taskOf(environment: Environment): Task {
  const tasks = engines.flatMap(({ variable, read }) => {
    const text = environment[variable]
    return text === undefined || text === ''
      ? []
      : [{ variable, ...read(numberOf(variable, text), environment) }]
  })
  const [task] = tasks
  if (task !== undefined && tasks.length === 1) return task
  const names = engines.map(({ variable }) => variable)
  throw invalid(
    task === undefined
      ? `--shard auto needs one of ${listText(names, names.length)}`
      : `several variables number this task: ${listText(
          tasks.map(({ variable }) => variable),
          tasks.length,
        )}`,
    'pass the shard itself, e.g. --shard 3/8',
  )
}

const engines: readonly {
  variable: string
  read: (value: number, environment: Environment) => Pick<Task, 'index' | 'count'>
}[] = [
  {
    // https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html
    variable: 'AWS_BATCH_JOB_ARRAY_INDEX',
    read: (value, environment) => ({
      index: value + 1,
      count: optionalNumber(environment, 'AWS_BATCH_JOB_ARRAY_SIZE'),
    }),
  },
  {
    // https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
    variable: 'JOB_COMPLETION_INDEX',
    read: (value) => ({ index: value + 1, count: null }),
  },
  {
    // https://slurm.schedmd.com/job_array.html. An array of some tasks, to repeat them, counts only those.
    variable: 'SLURM_ARRAY_TASK_ID',
    read: (value, environment) => {
      const [min, max, count] = ['MIN', 'MAX', 'COUNT'].map((name) =>
        optionalNumber(environment, `SLURM_ARRAY_TASK_${name}`),
      )
      return { index: value, count: min === 1 && max === count ? (count ?? null) : null }
    },
  },
]

function optionalNumber(environment: Environment, variable: string): number | null {
  const text = environment[variable]
  return text === undefined || text === '' ? null : numberOf(variable, text)
}

function numberOf(variable: string, text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw invalid(
      `${variable} is ${JSON.stringify(text.slice(0, 100))}, no number`,
      'pass --shard 3/8 instead',
    )
  return Number(text)
}

function inRange({ index, count }: Shard, text: string): Shard {
  if (count < 1 || count > shardLimit)
    throw invalid(`--shard ${text}: ${count} shards are not 1 to ${shardLimit}`, 'choose fewer shards')
  if (index < 1 || index > count)
    throw invalid(
      `--shard ${text}: ${index} is not 1 to ${count}`,
      'the first shard is 1; a Slurm array begins with 1 too: --array=1-8',
    )
  return { index, count }
}

/**
 * Shards that start at different times must not choose different snapshots.
 * @throws `invalid-input` for a shard without --snapshot.
 */
export function assertNamesSnapshot(flags: { snapshot?: string }, option: string): void {
  if (flags.snapshot !== undefined) return
  throw invalid(
    `${option} needs --snapshot`,
    'pass the id of one snapshot to all shards: `holdfast snapshots` lists them, `restore --dry-run` chooses one by its time',
  )
}

function invalid(message: string, hint: string): HoldfastError {
  return new HoldfastError('invalid-input', message, { hint })
}
