// Runs a program whose output becomes a snapshot. A pipe can't tell whether the program before it failed: here nothing
// is committed unless it ended with 0.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { HoldfastError } from '../../core/errors.ts'
import { pathText } from '../../core/tree/path-text.ts'
import { makeEntry } from '../../core/tree/tree-entry.ts'
import type { StreamSink, StreamedSource } from '../operations.ts'

const maxErrorBytes = 4096
/** From the polite signal to the other one. */
const graceMs = 10_000

export interface CommandRun {
  /** The program and its arguments; no shell reads them. */
  argv: readonly string[]
  /** All variables that the program gets. */
  environment: Readonly<Record<string, string | undefined>>
  clock: Clock
  signal: AbortSignal | undefined
  /** Null: it may run as long as it likes. */
  timeoutMs: number | null
}

/** A program without a directory: what it writes to its standard output is one file. */
export class CommandOutput implements StreamedSource {
  readonly origin: string
  private readonly run: CommandRun
  private readonly file: { name: string; allowEmpty: boolean }
  /** The end of what the program wrote to its standard error. */
  messages = ''

  /** @param file `name` is one component of a path. */
  constructor(run: CommandRun, file: { name: string; allowEmpty: boolean }) {
    this.run = run
    this.file = file
    this.origin = originOfCommand(run.argv)
  }

  async send(sink: StreamSink): Promise<{ base: null }> {
    const owner = {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      mtimeNs: BigInt(Math.trunc(this.run.clock.nowMs())) * 1_000_000n,
    }
    sink.begin(makeEntry({ path: Buffer.alloc(0), type: 'directory', mode: 0o700, ...owner }))
    sink.begin(makeEntry({ path: Buffer.from(this.file.name), type: 'file', mode: 0o600, ...owner }))
    let bytes = 0
    this.messages = await runCommand(this.run, async (stdout) => {
      for await (const chunk of stdout) {
        bytes += chunk.length
        sink.write(chunk)
        if (sink.isBehind) await sink.drain()
      }
    })
    if (bytes === 0 && !this.file.allowEmpty)
      throw new HoldfastError('invalid-input', `${this.origin} is empty`, {
        hint: 'let the command write to its standard output, or to {dir}; pass --allow-empty if nothing is meant to come',
      })
    return { base: null }
  }
}

/** Its arguments may hold secrets. */
export function originOfCommand([program = '']: readonly string[]): string {
  return `output of ${pathText(Buffer.from(basename(program)))}`
}

/**
 * @param take reads all of the standard output; the default throws it away.
 * @returns the end of its standard error.
 * @throws `command-failed` unless it ended with 0. Then no process of its group is left.
 */
export async function runCommand(
  { argv, environment, clock, signal, timeoutMs }: CommandRun,
  take: (stdout: AsyncIterable<Buffer>) => Promise<void> = discard,
): Promise<string> {
  signal?.throwIfAborted()
  const [program = '', ...args] = argv
  // A group of its own, so that the programs that it starts end with it.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment, detached: true })
  try {
    await once(child, 'spawn')
  } catch (error) {
    throw commandFailed(argv, `can't be started: ${(error as Error).message}`)
  }
  const messages = collectEnd(child)
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const stop = new AbortController()
  const timeout =
    timeoutMs === null ? null : clock.sleep(timeoutMs, stop.signal).then(() => 'timeout' as const)
  timeout?.catch(() => {})
  const aborted =
    signal === undefined
      ? null
      : once(signal, 'abort', { signal: stop.signal }).then(() => 'aborted' as const)
  aborted?.catch(() => {})
  try {
    const work = take(child.stdout).then(() => ended)
    const result = await Promise.race([
      work,
      ...(timeout === null ? [] : [timeout]),
      ...(aborted === null ? [] : [aborted]),
    ])
    if (result === 'timeout') throw commandFailed(argv, `did not end within ${timeoutMs! / 1000} s`)
    if (result === 'aborted') throw signal!.reason
    const [status, killedBy] = result
    if (status === 0) return messages()
    const detail = killedBy === null ? `ended with status ${status}` : `was ended by ${killedBy}`
    throw commandFailed(argv, messages() === '' ? detail : `${detail}: ${messages()}`)
  } finally {
    stop.abort()
    await endGroup(child, ended, clock)
  }
}

async function discard(stdout: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of stdout) {
    // The command writes its files elsewhere.
  }
}

async function endGroup(child: ChildProcess, ended: Promise<unknown>, clock: Clock): Promise<void> {
  if (!signalGroup(child, 'SIGTERM')) return
  child.stdout?.resume()
  const stop = new AbortController()
  const grace = clock.sleep(graceMs, stop.signal).then(
    () => signalGroup(child, 'SIGKILL'),
    () => {},
  )
  await Promise.race([ended, grace])
  stop.abort()
}

/** False if no process of the group is left. */
function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(-pid, name)
  } catch {
    return false
  }
}

function collectEnd({ stderr }: ChildProcess): () => string {
  let end = Buffer.alloc(0)
  stderr?.on('data', (chunk: Buffer) => (end = Buffer.concat([end, chunk]).subarray(-maxErrorBytes)))
  return () => end.toString().trim()
}

function commandFailed([program = '']: readonly string[], detail: string): HoldfastError {
  return new HoldfastError('command-failed', `${basename(program)} ${detail}`, {
    hint: 'no snapshot was made: run the command by itself to see what it lacks',
  })
}
