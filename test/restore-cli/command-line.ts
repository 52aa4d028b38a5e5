// The command line as a user runs it: a process of its own, with nothing of this one's environment.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
  /** The lines of standard output as JSON; throws if one is none. */
  records: () => Record<string, unknown>[]
}

export interface Surroundings {
  env?: Record<string, string>
  bin?: 'main.ts' | 'restore-main.ts'
  /** Run as this user; needs root. */
  uid?: number
  onStart?: (child: ChildProcess) => void
  timeoutMs?: number
}

const folder = resolve(import.meta.dirname, '../../restore-cli')

export function runCommand(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const { env, bin = 'main.ts', uid, timeoutMs = 50_000 } = surroundings
  const child = spawn(process.execPath, [join(folder, bin), ...args], {
    env: { PATH: process.env['PATH'] ?? '', TZ: 'America/New_York', ...env },
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
    child.on('close', (status) =>
      resolve({
        status,
        stdout,
        stderr,
        records: () =>
          stdout
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Record<string, unknown>),
      }),
    )
  })
}

/** A new directory, gone after the file's tests. */
export function makeFolder(): string {
  const folderPath = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  afterAll(() => rmSync(folderPath, { recursive: true, force: true }))
  return folderPath
}
