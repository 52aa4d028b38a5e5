// A time such as `26h` in a settings file.
import { z } from 'zod'
import { parseDuration } from '../core/duration-text.ts'

/** In milliseconds, more than 0. */
export const duration = z.string().transform((text, context) => {
  const durationMs = parseDuration(text)
  if (durationMs !== null && durationMs > 0) return durationMs
  context.addIssue({ code: 'custom', message: 'must be a time such as 90m, 26h or 2d' })
  return z.NEVER
})
