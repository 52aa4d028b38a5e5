import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'

const versionTimeoutMs = 10_000

/**
 * The program `postgres` in a directory, without links on the way to it.
 * @param major the cluster's major version, or null if the cluster names none
 * @throws `not-found` if it is not there. `invalid-input` if it is of another major version: no server reads the files
 * of another one. A program that doesn't name its version is left to judge the files itself.
 */
export async function resolveProgram(directory: string, major: string | null): Promise<string> {
  const program = await findProgram(directory)
  const programMajor = major === null ? null : await majorOf(program)
  if (programMajor === null || programMajor === major) return program
  throw new HoldfastError(
    'invalid-input',
    `${program} is of PostgreSQL ${programMajor}, and the cluster of PostgreSQL ${major}`,
    { hint: `pass the directory of PostgreSQL ${major}'s programs with --postgres-bin` },
  )
}

async function findProgram(directory: string): Promise<string> {
  const program = join(directory, 'postgres')
  try {
    await access(program, constants.X_OK)
    return await realpath(program)
  } catch (cause) {
    throw new HoldfastError('not-found', `there is no executable program ${program}`, {
      hint: 'pass the directory of `postgres` with --postgres-bin',
      cause,
    })
  }
}

/** The program says `postgres (PostgreSQL) 18.1`; null if it says something else or nothing. */
async function majorOf(program: string): Promise<string | null> {
  const version = await promisify(execFile)(program, ['--version'], {
    env: {},
    timeout: versionTimeoutMs,
    maxBuffer: 4096,
  }).catch(() => null)
  return /^postgres \(PostgreSQL\) (\d{1,3})\D/.exec(version?.stdout ?? '')?.[1] ?? null
}
