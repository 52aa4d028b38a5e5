// Tells of the end of a run that a scheduler started: a service that pages on-call when no ping comes hears by a URL,
// and a program of the operator starts. Neither changes the result of the run: a failure is a warning.
import { spawn } from 'node:child_process'
import { isAbsolute } from 'node:path'
import { isHoldfastError, HoldfastError } from '../core/errors.ts'
import type { Invocation } from './invocation.ts'

export interface RunEnd {
  /** The name of the command, e.g. `backup`. */
  command: string
  /** The exit status. */
  status: number
  durationMs: number
}

type Environment = Invocation['environment']

const urlVariable = 'HOLDFAST_PING_URL'
const urlFileVariable = 'HOLDFAST_PING_URL_FILE'
const hookVariable = 'HOLDFAST_HOOK'

/** All attempts together. */
const pingBudgetMs = 30_000
const hookTimeoutMs = 60_000

/** The commands that schedulers start. */
const scheduledCommands: readonly string[] = [
  'agents',
  'backup',
  'check',
  'custodian',
  'drill',
  'examine',
  'notary',
  'report',
  'verify',
]

const helpOptions = ['-h', '--help', '-V', '--version']

/** @param args of the command: a run that shows its help has done no work. */
export function isEndAwaited(
  command: string | undefined,
  args: readonly string[],
  environment: Environment,
): command is string {
  const variables = [urlVariable, urlFileVariable, hookVariable]
  return (
    command !== undefined &&
    scheduledCommands.includes(command) &&
    !args.some((arg) => helpOptions.includes(arg)) &&
    variables.some((name) => isGiven(environment[name]))
  )
}

/** @param warn gets one sentence for each failure, without the URL. */
export async function tellOfEnd(
  end: RunEnd,
  environment: Environment,
  warn: (text: string) => void,
): Promise<void> {
  const attempts = [ping(end, environment), startHook(end, environment)]
  for (const outcome of await Promise.allSettled(attempts))
    if (outcome.status === 'rejected') warn(reasonOf(outcome.reason))
}

/** Posts to the URL after a success, and to `/fail` below it after any other status. */
async function ping({ command, status, durationMs }: RunEnd, environment: Environment): Promise<void> {
  const urlFile = environment[urlFileVariable]
  if (!isGiven(urlFile) && !isGiven(environment[urlVariable])) return
  const { readSecretUrl } = await import('../checks/notifications/channel-settings.ts')
  const { postJson } = await import('../checks/notifications/http-channel.ts')
  const { makeAgents } = await import('../aws/http-agents.ts')
  const origin = isGiven(urlFile) ? { urlFile } : { urlVariable }
  const url = readSecretUrl(origin, environment, unusable)
  if (status !== 0) url.pathname = `${url.pathname.replace(/\/$/, '')}/fail`
  const agents = makeAgents(environment)
  try {
    const signal = AbortSignal.timeout(pingBudgetMs)
    await postJson(url, { command, status, seconds: durationMs / 1000 }, { name: 'ping', signal, agents })
  } finally {
    agents.httpAgent.destroy()
    agents.httpsAgent.destroy()
  }
}

/** Starts the program with no credential, no argument and no output: a record may be under way on either stream. */
async function startHook({ command, status, durationMs }: RunEnd, environment: Environment): Promise<void> {
  const program = environment[hookVariable]
  if (!isGiven(program)) return
  if (!isAbsolute(program)) throw unusable(`the variable ${hookVariable} must be an absolute path`)
  const { PATH, HOME, LANG, TZ } = environment
  const child = spawn(program, [], {
    env: {
      ...{ PATH, HOME, LANG, TZ },
      HOLDFAST_RUN_COMMAND: command,
      HOLDFAST_RUN_STATUS: String(status),
      HOLDFAST_RUN_SECONDS: String(Math.round(durationMs / 1000)),
    },
    stdio: 'ignore',
    detached: true,
    shell: false,
  })
  // The group: a hook of shell would leave what it started.
  const timeout = setTimeout(
    () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'),
    hookTimeoutMs,
  )
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', ({ code }: NodeJS.ErrnoException) =>
        reject(unusable(`the program of ${hookVariable} can't be started: ${code ?? 'unknown error'}`)),
      )
      child.on('exit', (exitCode, signal) => {
        if (exitCode === 0) resolve()
        else reject(unusable(`the program of ${hookVariable} ended with ${exitCode ?? signal}`))
      })
    })
  } finally {
    clearTimeout(timeout)
  }
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== ''
}

function unusable(detail: string): HoldfastError {
  return new HoldfastError('invalid-input', detail, { hint: 'docs/monitoring.md has an example' })
}

/** A message of ours; another error might quote the URL. */
function reasonOf(reason: unknown): string {
  return isHoldfastError(reason) ? reason.message : 'the ping was not taken in time'
}
