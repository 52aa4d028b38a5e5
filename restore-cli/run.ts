// Runs one command line. Only this file turns errors into text for the user, and into an exit status.
import type { Writable } from 'node:stream'
import { CommanderError } from 'commander'
import { exitStatus, HoldfastError } from '../core/errors.ts'
import type { Bin, Invocation } from './invocation.ts'
import { buildProgram, commandNameOf } from './program.ts'
import { renderError } from './render/error-text.ts'
import { isEndAwaited, tellOfEnd } from './run-end.ts'
import { terminalText } from './render/terminal-text.ts'
import { isShown } from './verbosity.ts'

/**
 * The status of `wal-fetch` after every failure. PostgreSQL takes 1 to 125 for "there is no such file": it ends the
 * recovery there, and promotes. 143 would be a shutdown.
 */
const fetchFailed = 200

/** How long a command may take to stop cleanly after an interruption. */
const graceMs = 10_000

/**
 * The environment and the streams of a command. The process has them; a test that runs a command in its own
 * process brings others.
 */
export type Surroundings = Pick<Invocation, 'stdout' | 'stderr'> & { env: Invocation['environment'] }

/**
 * The exit status of `bin` with `args`; see docs/exit-codes.md. Reports every failure on standard error, and the end of
 * the run where the environment says.
 */
export async function run(
  bin: Bin,
  args: readonly string[],
  surroundings: Surroundings = process,
): Promise<number> {
  const beginMs = performance.now()
  const status = await runCommand(bin, args, surroundings)
  const command = bin === 'holdfast' ? commandNameOf(args) : undefined
  const { env, stderr } = surroundings
  if (isEndAwaited(command, ownArgs(args), env)) {
    const json = isJson(args)
    const end = { command, status, durationMs: performance.now() - beginMs }
    await tellOfEnd(end, env, (text) => stderr.write(warningText(text, json)))
  }
  return status
}

async function runCommand(
  bin: Bin,
  args: readonly string[],
  { env, stdout, stderr }: Surroundings,
): Promise<number> {
  const interruption = new AbortController()
  const json = isJson(args)
  let status = 0
  const invocation: Invocation = {
    bin,
    args,
    environment: env,
    signal: interruption.signal,
    stdout,
    stderr,
    json,
    endWith: (taskStatus) => {
      status = taskStatus
    },
  }
  const fail = (error: HoldfastError): number => {
    invocation.showReport?.()
    const debug = isSet(env['HOLDFAST_DEBUG']) || isShown('debug', invocation.logLevel)
    stderr.write(renderError(error, { bin, json, debug }))
    return bin === 'holdfast' && commandNameOf(args) === 'wal-fetch' ? fetchFailed : error.exitStatus
  }
  const release = watchSignals(interruption)
  const outputFailure = watchOutput(stdout, stderr)
  const hideWarnings = showWarnings(invocation)
  try {
    const program = await buildProgram(invocation, args)
    await program.parseAsync([...args], { from: 'user' })
    if (status !== 0) invocation.showReport?.()
    const failure = await outputFailure(stdout)
    return failure === null ? status : fail(failure)
  } catch (error) {
    if (interruption.signal.aborted) return fail(interruption.signal.reason as HoldfastError)
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : fail(usageError(bin, args, error))
    return fail(error instanceof HoldfastError ? error : defect(error))
  } finally {
    release()
    hideWarnings()
  }
}

function isJson(args: readonly string[]): boolean {
  return ownArgs(args).includes('--json')
}

/** Without those of a program that a command runs. */
function ownArgs(args: readonly string[]): readonly string[] {
  return args.slice(0, args.includes('--') ? args.indexOf('--') : undefined)
}

function warningText(text: string, json: boolean): string {
  return json ? `${JSON.stringify({ type: 'warning', message: text })}\n` : `warning: ${terminalText(text)}\n`
}

/** SIGHUP: the terminal is gone. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The first signal asks the command to stop. A second signal, or the end of the grace time, ends the process. */
function watchSignals(interruption: AbortController): () => void {
  let grace: NodeJS.Timeout | undefined
  const stop = (signal: NodeJS.Signals): void => {
    if (interruption.signal.aborted) process.exit(exitStatus.interrupted)
    interruption.abort(
      new HoldfastError('interrupted', `stopped by ${signal}`, {
        hint: 'acknowledged uploads are safe; run the same command again to go on',
      }),
    )
    grace = setTimeout(() => process.exit(exitStatus.interrupted), graceMs).unref()
  }
  for (const signal of signals) process.on(signal, stop)
  return () => {
    clearTimeout(grace)
    for (const signal of signals) process.off(signal, stop)
  }
}

/**
 * Standard output that can't be written must not end a restore that is under way, and its end must not look like
 * success. A closed pipe is no failure (`holdfast snapshots | head`), and standard error has no other stream to
 * report to.
 * @returns waits for what was written; null if it arrived.
 */
function watchOutput(
  stdout: Writable,
  stderr: Writable,
): (stream: Writable) => Promise<HoldfastError | null> {
  let failure: HoldfastError | null = null
  stderr.on('error', () => undefined)
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') failure ??= outputError(error)
  })
  return async (stream) => {
    await new Promise<void>((resolve) => stream.write('', () => resolve()))
    // The stream reports its error in a later turn than the callback.
    await new Promise((resolve) => setImmediate(resolve))
    return failure
  }
}

function outputError(error: NodeJS.ErrnoException): HoldfastError {
  const isFull = error.code === 'ENOSPC' || error.code === 'EDQUOT'
  return new HoldfastError(
    isFull ? 'disk-full' : 'target',
    `standard output can't be written: ${isFull ? 'no space is left' : (error.code ?? 'unknown error')}`,
    {
      hint: 'the command has done its work, but its report is lost: make room, or write the report elsewhere',
      cause: error,
    },
  )
}

/** Node's warnings would go to standard error as text of several lines, also between records. */
function showWarnings(invocation: Invocation): () => void {
  const { stderr, json } = invocation
  const show = ({ name, message }: Error): void => {
    // Node's SQLite is experimental, and users can do nothing about it.
    if (name === 'ExperimentalWarning' || !isShown('warning', invocation.logLevel)) return
    stderr.write(warningText(`${name}: ${message}`, json === true))
  }
  process.on('warning', show)
  return () => void process.off('warning', show)
}

function usageError(bin: Bin, args: readonly string[], error: CommanderError): HoldfastError {
  const commandName = bin === 'holdfast' ? commandNameOf(args) : undefined
  const command = commandName === undefined ? bin : `${bin} ${commandName}`
  // Without a command, Commander has already printed the help, and its error has no message.
  const isHelp = error.code === 'commander.help'
  return new HoldfastError(
    'invalid-input',
    isHelp ? 'no command given' : error.message.replace(/^error: /, '').replaceAll('\n', ' '),
    { hint: `run \`${command} --help\` to see its options` },
  )
}

function defect(error: unknown): HoldfastError {
  const message = error instanceof Error ? error.message : String(error)
  return new HoldfastError('internal', `a defect in holdfast: ${message}`, {
    hint: 'run the command again with --log-level debug, and report its output',
    cause: error,
  })
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0'
}
