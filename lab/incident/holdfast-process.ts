// Holdfast as an on-call would run it: the command line in a process of its own, with an environment of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { HoldfastError } from '../../core/errors.ts'
import type { Credentials } from '../sandbox/identity/credentials.ts'

const entryPoint = path.resolve(import.meta.dirname, '..', '..', 'restore-cli', 'main.ts')
const limitMs = 300_000

export interface HoldfastCall {
  args: string[]
  endpoint: string
  region: string
  credentials: Credentials
  home: string
  signal: AbortSignal
  onProgress?: (line: string) => void
}

export interface HoldfastOutcome {
  status: number | null
  /** One record per line of standard output. */
  records: Record<string, unknown>[]
  stderr: string
  durationMs: number
}

function spawnHoldfast(call: HoldfastCall) {
  const { accessKeyId, secretAccessKey, sessionToken } = call.credentials
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entryPoint, ...call.args, '--json'],
    {
      cwd: call.home,
      // A new environment, so that the caller's credentials and AWS configuration can't leak in.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: call.home,
        TZ: 'UTC',
        AWS_REGION: call.region,
        AWS_ENDPOINT_URL: call.endpoint,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        ...(sessionToken === null ? {} : { AWS_SESSION_TOKEN: sessionToken }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([call.signal, AbortSignal.timeout(limitMs)]),
      killSignal: 'SIGTERM',
    },
  )
}

async function runHoldfast(call: HoldfastCall): Promise<HoldfastOutcome> {
  await mkdir(call.home, { recursive: true })
  const started = performance.now()
  const child = spawnHoldfast(call)
  const closed = once(child, 'close') as Promise<[number | null]>
  const records: Record<string, unknown>[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-20_000)
    const line = text.trim().split('\n').at(-1)
    if (line !== undefined && line !== '') call.onProgress?.(line)
  })
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    if (line.trim() !== '') records.push(parseRecord(line))
  })
  const [status] = await closed
  return { status, records, stderr, durationMs: Math.round(performance.now() - started) }
}

export interface RunningHoldfast {
  /** Ends it, and resolves when it has ended. Idempotent. */
  end(how: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Starts a command that runs until it is ended; resolves with the first record that `isReady` accepts. */
export async function startHoldfast(
  call: HoldfastCall,
  isReady: (record: Record<string, unknown>) => boolean,
): Promise<RunningHoldfast> {
  await mkdir(call.home, { recursive: true })
  const child = spawnHoldfast(call)
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    // Ignore: the drill ends it on purpose, and its stop before it is ready is reported below.
    child.once('error', () => resolve())
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-20_000)))
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (isReady(parseRecord(line))) resolve()
    })
  })
  const isEnded = await Promise.race([ready.then(() => false), closed.then(() => true)])
  if (isEnded)
    throw new HoldfastError(
      'internal',
      `holdfast ${call.args[0] ?? ''} ended: ${stderr.trim().slice(-2_000)}`,
    )
  return {
    end: async (how) => {
      child.kill(how)
      await closed
    },
  }
}

/** Runs Holdfast, and rejects with the end of its standard error unless it succeeds. */
export async function expectHoldfast(call: HoldfastCall): Promise<HoldfastOutcome> {
  const outcome = await runHoldfast(call)
  if (outcome.status !== 0) {
    throw new HoldfastError(
      'internal',
      `holdfast ${call.args[0] ?? ''} ended with status ${outcome.status}: ${outcome.stderr.trim().slice(-2_000)}`,
    )
  }
  return outcome
}

function parseRecord(line: string): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(line)
    if (typeof record === 'object' && record !== null) return record as Record<string, unknown>
  } catch {
    // Returned below as unreadable, like every line that is not an object.
  }
  return { unreadable: line.slice(0, 200) }
}
