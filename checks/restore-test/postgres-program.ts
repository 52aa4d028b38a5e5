import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'

/** The program `postgres` in a directory, without links on the way to it. @throws `not-found` if it is not there. */
export async function resolveProgram(directory: string): Promise<string> {
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
