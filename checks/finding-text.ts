// The text of a finding. Names in it come from vaults, servers and restored data, so an attacker may have chosen them.
import { z } from 'zod'

const maxFindingChars = 500

/** Printable and on one line, because terminals and logs show it. */
export const findingLine = z
  .string()
  .min(1)
  .max(maxFindingChars)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u)

/** `text` as a finding: printable, on one line, not too long. */
export function findingText(text: string): string {
  return (
    Array.from(text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' '))
      .slice(0, maxFindingChars / 2)
      .join('') || 'something without a name'
  )
}
