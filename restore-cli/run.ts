// Runs one command line: the only place that turns errors into words for the user and into an exit status.
import { CommanderError } from 'commander'
import { exitStatus, HoldfastError } from '../core/errors.ts'
import { buildProgram } from './program.ts'
import type { Bin, Invocation } from './program.ts'
import { renderError } from './render/error-text.ts'

/** After an interruption, how long a command may take to stop cleanly. */
const graceMs = 10_000

/** The exit status of `bin` with `args`; see docs/exit-codes.md. Everything that fails is told on standard error. */
export async function run(bin: Bin, args: readonly string[]): Promise<number> {
  const interruption = new AbortController()
  const json = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined).includes('--json')
  const fail = (error: HoldfastError): number => {
    process.stderr.write(renderError(error, { bin, json, debug: isSet(process.env['HOLDFAST_DEBUG']) }))
    return error.exitStatus
  }
  const release = watchSignals(interruption)
  ignoreClosedPipes()
  try {
    let status = 0
    const invocation: Invocation = {
      bin,
      environment: process.env,
      signal: interruption.signal,
      stdout: process.stdout,
      stderr: process.stderr,
      endWith: (passedOn) => {
        status = passedOn
      },
    }
    await buildProgram(invocation).parseAsync([...args], { from: 'user' })
    return status
  } catch (error) {
    if (interruption.signal.aborted) return fail(interruption.signal.reason as HoldfastError)
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : fail(usageError(bin, args, error))
    return fail(error instanceof HoldfastError ? error : defect(error))
  } finally {
    release()
  }
}

/** The first signal asks the command to stop; a second one, or a command that doesn't, ends the process. */
function watchSignals(interruption: AbortController): () => void {
  const stop = (signal: NodeJS.Signals): void => {
    if (interruption.signal.aborted) process.exit(exitStatus.interrupted)
    interruption.abort(
      new HoldfastError('interrupted', `stopped by ${signal}`, {
        hint: 'nothing that was acknowledged is lost; run the same command again to go on',
      }),
    )
    setTimeout(() => process.exit(exitStatus.interrupted), graceMs).unref()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return () => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

/** `holdfast snapshots | head` closes our output: that is no failure, and no reason to stop a restore. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

function usageError(bin: Bin, args: readonly string[], error: CommanderError): HoldfastError {
  const command =
    bin === 'holdfast'
      ? args.find((arg) =>
          /^(backup|snapshots|restore|verify|examine|check-examination|retire|agent-session|break-glass|blast-radius)$/.test(
            arg,
          ),
        )
      : undefined
  const help = `run \`${command === undefined ? bin : `${bin} ${command}`} --help\` to see what it takes`
  // Without a command, commander has printed the help already and has no message of its own.
  const isHelp = error.code === 'commander.help'
  return new HoldfastError(
    'invalid-input',
    isHelp ? 'no command was given' : error.message.replace(/^error: /, '').replaceAll('\n', ' '),
    { hint: help },
  )
}

function defect(error: unknown): HoldfastError {
  const message = error instanceof Error ? error.message : String(error)
  return new HoldfastError('internal', `a defect in holdfast: ${message}`, {
    hint: 'run it again with HOLDFAST_DEBUG=1 and report what it prints',
    cause: error,
  })
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0'
}
