// Counts what a blast radius contains, and what of it counts as a failure.
import type { Assessment } from './assessment.ts'
import { lacksSafeguard } from './assessment.ts'

/**
 * The actions that count as failures: those without a safeguard, only those that lose data, every destructive
 * action, or nothing.
 */
export const failureScopes = ['unbraked', 'data', 'destructive', 'never'] as const
export type FailureScope = (typeof failureScopes)[number]

/** The names are those of the error record's `context`. */
export interface Verdict {
  unbraked: number
  unbrakedData: number
  destructive: number
  credentials: number
}

/** @param credentials number of credentials within reach that have not expired. */
export function judge(possible: Assessment['possible'], credentials: number): Verdict {
  const unguarded = possible.filter(lacksSafeguard)
  return {
    unbraked: unguarded.length,
    unbrakedData: unguarded.filter(({ loss }) => loss === 'data' || loss === 'readability').length,
    destructive: possible.length,
    credentials,
  }
}

/** The actions and credentials of the verdict that count as failures. */
export function failuresOf(verdict: Verdict, scope: FailureScope): { actions: number; credentials: number } {
  const actions = {
    unbraked: verdict.unbraked,
    data: verdict.unbrakedData,
    destructive: verdict.destructive,
    never: 0,
  }[scope]
  return { actions, credentials: scope === 'never' ? 0 : verdict.credentials }
}
