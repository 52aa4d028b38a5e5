// Reads a text file that the user names. It is bounded, and no error quotes it, because a wrong file may contain
// secrets.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { HoldfastError } from '../core/errors.ts'

export interface TextFileRequest {
  /** Names the file in an error: `the policy`. */
  label: string
  maxBytes: number
  /** The hint if the file can't be read. */
  hint?: string
}

/** @throws `not-found` if the file can't be read; `invalid-input` if it is too large, or no text. */
export function readTextFile(file: string, request: TextFileRequest): string {
  const { label, hint = 'check the path and its permissions' } = request
  try {
    return decode(readBounded(file, request))
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    if (error instanceof TypeError)
      throw new HoldfastError('invalid-input', `${label} ${file} is not text in UTF-8 or UTF-16`, {
        hint: 'save it as UTF-8',
      })
    throw new HoldfastError(
      'not-found',
      `${label} ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      { hint, cause: error },
    )
  }
}

/** Editors and PowerShell begin a file with a byte order mark, and PowerShell writes UTF-16. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes
  const isLittle = first === 0xff && second === 0xfe
  const isBig = first === 0xfe && second === 0xff
  return new TextDecoder(isLittle ? 'utf-16le' : isBig ? 'utf-16be' : 'utf-8', { fatal: true }).decode(bytes)
}

function readBounded(file: string, { label, maxBytes }: TextFileRequest): Uint8Array {
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
