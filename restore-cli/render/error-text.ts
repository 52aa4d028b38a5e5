// An error as text for humans on two lines, or as one line of JSON for scripts.
import { inspect } from 'node:util'
import type { HoldfastError } from '../../core/errors.ts'
import { terminalText } from './terminal-text.ts'

export interface ErrorStyle {
  bin: string
  json: boolean
  /** Adds the stack and the causes. */
  debug: boolean
}

export function renderError(error: HoldfastError, style: ErrorStyle): string {
  const debug = style.debug ? inspect(error, { depth: 4 }) : undefined
  if (style.json)
    return `${JSON.stringify({ ...errorRecord(error), ...(debug === undefined ? {} : { debug }) })}\n`
  const lines = [`${style.bin}: ${terminalText(error.message)}`]
  if (error.hint !== undefined) lines.push(`hint: ${terminalText(error.hint)}`)
  if (debug !== undefined) lines.push(debug.split('\n').map(terminalText).join('\n'))
  return `${lines.join('\n')}\n`
}

function errorRecord(error: HoldfastError): Record<string, unknown> {
  return {
    type: 'error',
    code: error.code,
    message: error.message,
    hint: error.hint ?? null,
    retryable: error.retryable,
    exitStatus: error.exitStatus,
    context: error.context,
  }
}
