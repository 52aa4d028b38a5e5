// How a command ends that asked several questions: checks of a source, or drills.
import { HoldfastError } from '../core/errors.ts'
import { countOf } from './render/figures.ts'

export interface Answers {
  /** `check` or `drill`. */
  readonly noun: string
  readonly statuses: readonly string[]
  /** The next step for on-call, if one failed or could not tell. */
  readonly hint: string
}

export interface Failures {
  /** The command itself could not do a part of its work. */
  readonly failure: HoldfastError | null
  /** A file or a channel beside the vault failed: it never hides the answers. */
  readonly laterFailure: HoldfastError | null
}

/** @throws `objective-missed` if one failed, `incomplete` if one could not tell, or one of the failures. */
export function assertPassed({ noun, statuses, hint }: Answers, { failure, laterFailure }: Failures): void {
  const failed = statuses.filter((status) => status === 'failed').length
  const unknown = statuses.filter((status) => status === 'unknown').length
  const context = { failed, unknown }
  if (failed > 0)
    throw new HoldfastError('objective-missed', `${countOf(failed, noun)} failed`, {
      hint,
      context,
      cause: failure ?? laterFailure,
    })
  if (failure !== null) throw failure
  if (unknown > 0)
    throw new HoldfastError('incomplete', `${countOf(unknown, noun)} could not tell`, {
      hint,
      context,
      cause: laterFailure,
    })
  if (laterFailure !== null) throw laterFailure
}
