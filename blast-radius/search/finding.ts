// A credential that was found: where, what and whose. Never its value: it doesn't leave the scan of its own text.
import type { KindName } from './kinds.ts'

export interface Finding {
  kind: KindName
  /** Where a reader looks for it. Raw names: whoever shows them escapes them. */
  place: { type: 'file'; path: string; line: number } | { type: 'variable'; name: string }
  /** Whose it is, as far as its surroundings tell (account, user and host, profile); null if they don't. */
  owner: string | null
  /** When it ends by itself, where that stands beside it; milliseconds since the epoch. */
  expiresMs: number | null
}

/** Why something was not looked at, or not all of it. */
export type SkipReason =
  'unreadable' | 'too-large' | 'too-many-entries' | 'too-deep' | 'link' | 'too-many-findings' | 'not-found'

export interface Skipped {
  path: string
  reason: SkipReason
  /** The operating system's code, where it refused. */
  detail: string | null
}

/** Within the scan of one text: where a value begins and ends, in characters. */
export interface Match {
  kind: KindName
  start: number
  end: number
  owner: string | null
  expiresMs?: number | null
  /** Found by its surroundings alone: another rule's word on the same characters goes before it. */
  isGuess?: boolean
}
