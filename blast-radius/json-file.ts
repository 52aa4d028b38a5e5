// Reads a JSON file that the user names.
import { HoldfastError } from '../core/errors.ts'
import { readTextFile } from './text-file.ts'

/** `aws iam get-account-authorization-details` of a large account is some tens of megabytes. */
const maxBytes = 128 * 1024 * 1024

/** @param label names the file in an error: `the policy`. @throws `not-found`, or `invalid-input`. */
export function parseJsonFile(file: string, label: string): unknown {
  const text = readTextFile(file, { label, maxBytes })
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new HoldfastError('invalid-input', `${label} ${file} is not JSON`, {
      hint: 'pass a file that contains one whole JSON document: YAML, a template or a truncated file is none',
    })
  }
}
