// Asks the user at the terminal for the code of a second factor.
import { createInterface } from 'node:readline/promises'
import { HoldfastError } from '../core/errors.ts'
import { terminalText } from './render/terminal-text.ts'

/** @throws `credentials` without a terminal, or for an invalid code. */
export async function readMfaCode(serial: string, signal: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new HoldfastError(
      'credentials',
      'the role requires a second factor, and there is no terminal to ask for its code',
      {
        hint: 'run it in a terminal, or pass credentials of a session that was opened with the second factor, and --no-assume-role',
      },
    )
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const code = (await lines.question(`Code of ${terminalText(serial)}: `, { signal })).trim()
    if (/^\d{6}$/.test(code)) return code
    throw new HoldfastError('credentials', 'the code of a second factor has six digits', {
      hint: 'run the command again with the code that the device shows now',
    })
  } finally {
    lines.close()
  }
}
