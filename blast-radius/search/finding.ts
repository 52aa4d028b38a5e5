// A credential that was found: kind, location, owner. Never its value, which doesn't leave the scan of its
// own text.
import type { KindName } from './kinds.ts'

export type FindingLocation =
  { type: 'file'; path: string; line: number } | { type: 'variable'; name: string }

export interface Finding {
  kind: KindName
  /** Names are raw: the renderer escapes them. */
  location: FindingLocation
  /** The setting that holds it, where it has a name. */
  setting: string | null
  /** Account, user and host, or profile, as far as its surroundings tell. */
  owner: string | null
  /** When it ends by itself, where that stands beside it; milliseconds since the epoch. */
  expiresMs: number | null
  /** A keyed fingerprint of the value, if the caller gave a key: equal values of one kind have equal ones. */
  fingerprint: string | null
}

/** Why something was not looked at, or not all of it. */
export type SkipReason =
  | 'unreadable'
  | 'too-large'
  | 'binary'
  | 'too-many-entries'
  | 'too-deep'
  | 'link'
  | 'too-many-findings'
  | 'changed'
  | 'not-parsed'
  | 'not-found'

export interface Skipped {
  path: string
  reason: SkipReason
  /** The operating system's code, where it refused. */
  detail: string | null
}
