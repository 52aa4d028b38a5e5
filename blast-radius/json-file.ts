// JSON that a user names: bounded, and never quoted in an error, since a file of the wrong kind may hold secrets.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'

/** `aws iam get-account-authorization-details` of a large account is some tens of megabytes. */
const longestBytes = 128 * 1024 * 1024

/** @param what names the file in an error: `the policy`. @throws `not-found`, or `invalid-input`. */
export function parseJsonFile(file: string, what: string): unknown {
  try {
    return JSON.parse(readBounded(file, what)) as unknown
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    if (error instanceof SyntaxError)
      throw new HoldfastError('invalid-input', `${what} ${file} is not JSON`, {
        hint: 'name a file that holds one JSON document',
      })
    throw new HoldfastError(
      'not-found',
      `${what} ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        hint: 'check the path and its permissions',
      },
    )
  }
}

function readBounded(file: string, what: string): string {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    if (size > longestBytes)
      throw new HoldfastError('invalid-input', `${what} ${file} is larger than ${longestBytes} bytes`, {
        hint: 'name a smaller file',
      })
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}
