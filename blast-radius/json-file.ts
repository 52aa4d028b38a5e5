// Reads a JSON file that the user names. It is bounded, and no error quotes it, because a wrong file may contain secrets.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'

/** `aws iam get-account-authorization-details` of a large account is some tens of megabytes. */
const maxBytes = 128 * 1024 * 1024

/** @param label names the file in an error: `the policy`. @throws `not-found`, or `invalid-input`. */
export function parseJsonFile(file: string, label: string): unknown {
  try {
    return JSON.parse(readBounded(file, label)) as unknown
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    if (error instanceof SyntaxError)
      throw new HoldfastError('invalid-input', `${label} ${file} is not JSON`, {
        hint: 'pass a file that contains one JSON document',
      })
    throw new HoldfastError(
      'not-found',
      `${label} ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        hint: 'check the path and its permissions',
      },
    )
  }
}

function readBounded(file: string, label: string): string {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    if (size > maxBytes)
      throw new HoldfastError('invalid-input', `${label} ${file} is larger than ${maxBytes} bytes`, {
        hint: 'pass a smaller file',
      })
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}
