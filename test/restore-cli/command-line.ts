// The command line as a user runs it, with nothing of this process's environment. Most tests run it in this process,
// which saves a start of Node for each; `runProcess` starts one.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'
import { runHere } from '../../lab/incident/nights/holdfast-here.ts'

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
  /** The lines of standard output as JSON; throws if one is none. */
  records: () => Record<string, unknown>[]
}

interface Surroundings {
  env?: Record<string, string>
  bin?: 'main.ts' | 'restore-main.ts'
}

export interface ProcessSurroundings extends Surroundings {
  /** Run as this user; needs root. */
  uid?: number
  onStart?: (child: ChildProcess) => void
  timeoutMs?: number
}

const folder = resolve(import.meta.dirname, '../../restore-cli')

let previous: Promise<unknown> = Promise.resolve()

/** One command after the other, because the AWS SDK reads the environment of the process. */
export function runCommand(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  // A program that a command runs inherits the streams of the process.
  if (args.includes('--')) return runProcess(args, surroundings)
  const outcome = previous.then(() => runWithStreams(args, surroundings))
  previous = outcome.catch(() => undefined)
  return outcome
}

async function runWithStreams(
  args: readonly string[],
  { env, bin = 'main.ts' }: Surroundings,
): Promise<Outcome> {
  const name = bin === 'main.ts' ? 'holdfast' : 'restore'
  const { status, stdout, stderr } = await runHere(name, args, environmentOf(env))
  return outcomeOf(status, stdout, stderr)
}

/** No progress, because how much of it there is depends on the machine. */
function environmentOf(env: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', TZ: 'America/New_York', HOLDFAST_PROGRESS_SECONDS: '0', ...env }
}

export function runProcess(
  args: readonly string[],
  surroundings: ProcessSurroundings = {},
): Promise<Outcome> {
  const { env, bin = 'main.ts', uid, timeoutMs = 120_000 } = surroundings
  const child = spawn(process.execPath, [join(folder, bin), ...args], {
    env: environmentOf(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  surroundings.onStart?.(child)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve(outcomeOf(status, stdout, stderr)))
  })
}

function outcomeOf(status: number | null, stdout: string, stderr: string): Outcome {
  const records = (): Record<string, unknown>[] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { status, stdout, stderr, records }
}

/** A new directory, gone after the file's tests. */
export function makeFolder(): string {
  const folderPath = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  afterAll(() => rmSync(folderPath, { recursive: true, force: true }))
  return folderPath
}
