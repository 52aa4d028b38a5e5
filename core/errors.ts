// One error class and one table from its codes to exit statuses. Adapters classify errors at the edge; only
// `main` maps a code to a status.

/**
 * The code of every failure and the exit status of a process that ends with it. Scripts branch on both.
 *
 * Choose by what the user has to change:
 * - the input or the configuration: `invalid-input`; the local directory to restore into: `target`, or `disk-full`;
 * - the right of the role: `denied`; its credentials: `credentials`. A refusal is never reported as `not-found`,
 *   because a role that may not look would take a full vault for an empty one;
 * - the name, because no such object, bucket or path exists: `not-found`;
 * - the point in time: `no-recovery-point` if no snapshot fits, `ambiguous` if several do;
 * - nothing, only wait: `unreachable` if the store gave no usable reply, `throttled` if it asked to wait;
 * - the snapshot, because bytes are wrong: `damaged`; because they are of another version: `unsupported-format`;
 * - the storage class of an object, because its bytes can't be read before they are copied back: `archived`;
 * - the bucket, because it doesn't keep what it stores: `vault-unsafe`;
 * - the machine, because it can't keep restored programs apart: `not-isolated`;
 * - the command whose output was wanted, because it failed: `command-failed`;
 * - the moment, because another process came first: `conflict`.
 *
 * A run that ended has `incomplete` if its result lacks something, and `objective-missed` if the result is
 * complete and a limit or a check is not met. `interrupted` is for signals, `internal` for defects of
 * Holdfast.
 */
export const exitStatus = {
  internal: 1,
  'invalid-input': 2,
  incomplete: 3,
  damaged: 4,
  archived: 4,
  'no-recovery-point': 5,
  'not-found': 5,
  ambiguous: 5,
  denied: 6,
  credentials: 7,
  unreachable: 8,
  throttled: 8,
  'vault-unsafe': 9,
  conflict: 10,
  target: 11,
  'disk-full': 12,
  'unsupported-format': 13,
  'objective-missed': 14,
  'not-isolated': 15,
  'command-failed': 16,
  interrupted: 130,
} as const

export type ErrorCode = keyof typeof exitStatus

export interface ErrorOptions {
  /** One imperative sentence: the next step for the reader. */
  hint?: string
  /** True if the same call may succeed later without any change by the user. */
  retryable?: boolean
  /** Facts for a log or `--json`: no secret, and no unescaped bytes from a vault. */
  context?: Record<string, string | number | boolean | null | readonly string[]>
  cause?: unknown
}

/** Every failure that Holdfast expects. Any other thrown value is a defect and exits with `internal`. */
export class HoldfastError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly retryable: boolean
  readonly context: NonNullable<ErrorOptions['context']>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HoldfastError'
    this.code = code
    this.hint = options.hint
    this.retryable = options.retryable ?? false
    this.context = options.context ?? {}
  }

  get exitStatus(): number {
    return exitStatus[this.code]
  }
}

/** The codes of a failure that concerns one object of the vault alone, and no other one. */
export const objectFailures = ['damaged', 'archived', 'not-found', 'unsupported-format'] as const

/** True for a HoldfastError with one of `codes` (any code if none is given). */
export function isHoldfastError(error: unknown, ...codes: ErrorCode[]): error is HoldfastError {
  return error instanceof HoldfastError && (codes.length === 0 || codes.includes(error.code))
}
