// Runs one command line. Only this file turns errors into text for the user, and into an exit status.
import { CommanderError } from 'commander'
import { exitStatus, HoldfastError } from '../core/errors.ts'
import type { Bin, Invocation } from './invocation.ts'
import { buildProgram, commandNameOf } from './program.ts'
import { renderError } from './render/error-text.ts'

/** How long a command may take to stop cleanly after an interruption. */
const graceMs = 10_000

/** The exit status of `bin` with `args`; see docs/exit-codes.md. Reports every failure on standard error. */
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
      endWith: (taskStatus) => {
        status = taskStatus
      },
    }
    const program = await buildProgram(invocation, args)
    await program.parseAsync([...args], { from: 'user' })
    return status
  } catch (error) {
    if (interruption.signal.aborted) return fail(interruption.signal.reason as HoldfastError)
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : fail(usageError(bin, args, error))
    return fail(error instanceof HoldfastError ? error : defect(error))
  } finally {
    release()
  }
}

/** The first signal asks the command to stop. A second signal, or the end of the grace time, ends the process. */
function watchSignals(interruption: AbortController): () => void {
  const stop = (signal: NodeJS.Signals): void => {
    if (interruption.signal.aborted) process.exit(exitStatus.interrupted)
    interruption.abort(
      new HoldfastError('interrupted', `stopped by ${signal}`, {
        hint: 'acknowledged uploads are safe; run the same command again to go on',
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

/** `holdfast snapshots | head` closes our output, which must not fail the command or stop a restore. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
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
    hint: 'run the command again with HOLDFAST_DEBUG=1, and report its output',
    cause: error,
  })
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0'
}
