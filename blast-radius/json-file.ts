// Reads a JSON file that the user names. It is bounded, and no error quotes it, because a wrong file may contain
// secrets.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'

/** `aws iam get-account-authorization-details` of a large account is some tens of megabytes. */
const maxBytes = 128 * 1024 * 1024

/** @param label names the file in an error: `the policy`. @throws `not-found`, or `invalid-input`. */
export function parseJsonFile(file: string, label: string): unknown {
  try {
    return JSON.parse(decode(readBounded(file, label))) as unknown
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    if (error instanceof SyntaxError)
      throw new HoldfastError('invalid-input', `${label} ${file} is not JSON`, {
        hint: 'pass a file that contains one whole JSON document: YAML, a template or a truncated file is none',
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

/** Editors and PowerShell begin a file with a byte order mark, and PowerShell writes UTF-16. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes
  const isLittle = first === 0xff && second === 0xfe
  const isBig = first === 0xfe && second === 0xff
  return new TextDecoder(isLittle ? 'utf-16le' : isBig ? 'utf-16be' : 'utf-8').decode(bytes)
}

function readBounded(file: string, label: string): Uint8Array {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    if (size > maxBytes)
      throw new HoldfastError('invalid-input', `${label} ${file} is larger than ${maxBytes} bytes`, {
        hint: 'pass a smaller file',
      })
    return readFileSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
