// One error class, one table from code to exit status. Adapters classify at the edge; only `main` maps to a status.

/** What went wrong, in words that a script can branch on, and the exit status that each code ends a process with. */
export const exitStatus = {
  internal: 1,
  'invalid-input': 2,
  incomplete: 3,
  damaged: 4,
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
  interrupted: 130,
} as const

export type ErrorCode = keyof typeof exitStatus

export interface ErrorOptions {
  /** What the reader can do about it: one sentence, imperative. */
  hint?: string
  /** True if the same call may succeed later without anyone changing anything. */
  retryable?: boolean
  /** Facts for a log or `--json`; never a secret, never bytes from a vault that were not escaped. */
  context?: Record<string, string | number | boolean | null | readonly string[]>
  cause?: unknown
}

/** Every failure that Holdfast names. Anything else that is thrown is a defect and exits with `internal`. */
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

/** True for a HoldfastError with one of `codes` (any code if none is given). */
export function isHoldfastError(error: unknown, ...codes: ErrorCode[]): error is HoldfastError {
  return error instanceof HoldfastError && (codes.length === 0 || codes.includes(error.code))
}
