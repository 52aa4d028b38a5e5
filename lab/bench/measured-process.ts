// Runs a program to its end, and returns its cost: time, processor time and memory.
import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, 'measure.py')

export interface Invocation {
  /** Absolute path, because PATH is not searched. */
  program: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  directory: string
  /** An exit status besides 0 that counts as success. */
  alsoEndsWith?: number
}

export interface Cost {
  seconds: number
  /** User and system time of the program and its children. */
  cpuSeconds: number
  /** Peak memory of its largest process. */
  peakBytes: number
}

export interface Measured {
  cost: Cost
  output: string
}

/**
 * @param folder for two temporary files.
 * @throws `internal` with the end of its output, if the program fails or takes longer than `limitSeconds`.
 */
export async function measure(
  invocation: Invocation,
  folder: string,
  limitSeconds = 3600,
): Promise<Measured> {
  const [out, output] = [join(folder, 'cost.json'), join(folder, 'output.txt')]
  const { program, args, env, directory } = invocation
  try {
    const running = run('python3', [script, out, output, String(limitSeconds), program, ...args], {
      cwd: directory,
      env: { PATH: process.env['PATH'] ?? '', ...env },
    })
    const stop = (): void => void running.child.kill()
    process.prependOnceListener('exit', stop)
    await running.finally(() => process.off('exit', stop))
    const { status, ...cost } = JSON.parse(readFileSync(out, 'utf8')) as Cost & { status: number }
    const text = readFileSync(output, 'utf8')
    if (status !== 0 && status !== invocation.alsoEndsWith) {
      throw new HoldfastError(
        'internal',
        `${program} ended with ${status} after ${cost.seconds.toFixed(1)} s: ${text.slice(-2000)}`,
        {
          context: { args: args.join(' ') },
        },
      )
    }
    return { cost, output: text }
  } finally {
    rmSync(out, { force: true })
    rmSync(output, { force: true })
  }
}
