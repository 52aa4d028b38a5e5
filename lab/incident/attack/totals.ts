// The figures of all attempts, counted in one place: terminal, page and JSON show the same.
import type { AttemptRecord } from './attempt.ts'

type Counted = Pick<AttemptRecord, 'who' | 'method' | 'outcome' | 'duty'>

export interface AttackTotals {
  /** Identities that attacked; a role counts once for each way to it. */
  identities: number
  /** Attempts that had to be refused. */
  attempts: number
  /** Attempts as signed requests that the emulated cloud answered. */
  sent: number
  /** Attempts that were decided on the loaded policies, without a request. */
  evaluated: number
  refused: number
  allowed: number
  /** Attempts at something that the identity may do. */
  duties: number
}

export function attackTotals(records: readonly Counted[]): AttackTotals {
  const attacks = records.filter(({ duty }) => duty === null)
  const count = (isCounted: (record: Counted) => boolean): number => attacks.filter(isCounted).length
  return {
    identities: new Set(attacks.map((record) => record.who)).size,
    attempts: attacks.length,
    sent: count(({ method }) => method === 'request'),
    evaluated: count(({ method }) => method === 'evaluation'),
    refused: count(({ outcome }) => outcome === 'refused'),
    allowed: count(({ outcome }) => outcome === 'allowed'),
    duties: records.length - attacks.length,
  }
}
