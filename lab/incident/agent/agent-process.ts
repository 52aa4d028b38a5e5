// Runs the agent as its own process with an empty environment, and records its events.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { HoldfastError } from '../../../core/errors.ts'
import type { Attempt, Target } from './destruction.ts'
import type { AgentEvent } from './events.ts'

const limitMs = 60_000

export interface AgentRun {
  tried: Extract<AgentEvent, { event: 'tried' }>[]
  attempts: Attempt[]
  /** Duration of the process. */
  durationMs: number
}

export async function runAgent(tree: string, target: Target, signal: AbortSignal): Promise<AgentRun> {
  const started = performance.now()
  const args = ['--tree', tree, '--endpoint', target.endpoint, '--region', target.region]
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./main.ts', import.meta.url)), ...args],
    {
      cwd: tree,
      env: { PATH: process.env['PATH'] ?? '', HOME: tree },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    },
  )
  const closed = once(child, 'close') as Promise<[number | null]>
  const run: AgentRun = { tried: [], attempts: [], durationMs: 0 }
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-5_000)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as AgentEvent
    if (event.event === 'tried') run.tried.push(event)
    if (event.event === 'attempted') run.attempts.push(event)
    if (event.event === 'finished') run.durationMs = Math.round(performance.now() - started)
  })
  const [status] = await closed
  if (status !== 0)
    throw new HoldfastError('internal', `the agent ended with status ${status}: ${stderr.trim()}`)
  return run
}
