// Probes of restored data: queries of a restored server, and a program. Both run kept apart, because restored data
// decides what they execute. Only a verdict and one line come back.
import { spawn } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import type { Clock } from '../../core/clock.ts'
import { HoldfastError } from '../../core/errors.ts'
import { findingText } from '../finding-text.ts'
import type { ProbeResult } from '../reports/drill-result.ts'
import { programEnvironment, programUser } from '../restore-test/isolation.ts'
import type { Isolation } from '../restore-test/isolation.ts'
import { resultColumn, runStandalone } from '../restore-test/standalone-server.ts'
import type { StandaloneServer } from '../restore-test/standalone-server.ts'

const maxOutputChars = 1000

export interface ProbeLimits {
  signal: AbortSignal
  clock: Pick<Clock, 'nowMs'>
  /** A probe that takes longer has failed. */
  maxMs: number
}

type Verdict = Pick<ProbeResult, 'ok' | 'detail'>

/** @throws the reason of `limits.signal`. A probe that hangs or can't start has failed. */
export async function runProbe(
  { kind, name }: Pick<ProbeResult, 'kind' | 'name'>,
  { signal, clock, maxMs }: ProbeLimits,
  probe: (signal: AbortSignal) => Promise<Verdict>,
): Promise<ProbeResult> {
  const startedMs = clock.nowMs()
  const limit = AbortSignal.timeout(maxMs)
  const verdict = await probe(AbortSignal.any([signal, limit])).catch((error: unknown) => {
    signal.throwIfAborted()
    if (limit.aborted) return { ok: false, detail: 'it did not end in time' }
    return { ok: false, detail: error instanceof Error ? error.message : String(error) }
  })
  const durationMs = Math.max(0, Math.round(clock.nowMs() - startedMs))
  return { kind, name: findingText(name), ok: verdict.ok, durationMs, detail: findingText(verdict.detail) }
}

/** The query's only value must be true. It sees the schema `public` too. */
export async function askServer(
  server: StandaloneServer,
  { database, query }: { database: string; query: string },
  signal: AbortSignal,
): Promise<Verdict> {
  const session = await runStandalone(
    { ...server, searchPath: 'pg_catalog,public' },
    database,
    [`SELECT ((\n${query}\n)::boolean)::text AS ${resultColumn}`],
    signal,
  )
  const [error] = session.errors
  if (error !== undefined) return { ok: false, detail: error }
  const [value = 'no value'] = session.values
  return { ok: session.isWhole && value === 'true', detail: value }
}

/** The program gets the restored directory as its argument, sees nothing else, and must end with 0. */
export async function runProgram(
  isolation: Isolation,
  { program, directory }: { program: string; directory: string },
  signal: AbortSignal,
): Promise<Verdict> {
  const path = await realpath(program).catch((cause: NodeJS.ErrnoException) => {
    throw new HoldfastError('not-found', `the program can't be found: ${cause.code ?? 'unknown error'}`)
  })
  const enclosed = isolation.enclose(
    { program: path, args: [directory] },
    { writable: [], readable: [directory] },
  )
  return new Promise((resolve, reject) => {
    const child = spawn(enclosed.program, enclosed.args, {
      cwd: '/',
      env: programEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
      signal,
      killSignal: 'SIGKILL',
      ...programUser(),
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream
        .setEncoding('utf8')
        .on('data', (text: string) => (output = (output + text).slice(-maxOutputChars)))
    child.once('error', reject)
    child.once('close', (status) => {
      const lastLine = output.trim().split('\n').at(-1) ?? ''
      resolve({
        ok: status === 0,
        detail: `status ${status ?? 'unknown'}${lastLine === '' ? '' : `: ${lastLine}`}`,
      })
    })
  })
}
