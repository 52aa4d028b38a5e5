// The error that all services throw. Each service renders it in its own protocol.

export interface AwsErrorOptions {
  /** Elements beside Code and Message, in order: `{ BucketName: 'vault' }`. */
  fields?: Record<string, string>
  headers?: Record<string, string>
  cause?: unknown
}

export class AwsError extends Error {
  readonly code: string
  readonly status: number
  readonly fields: Record<string, string>
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, options: AwsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AwsError'
    this.status = status
    this.code = code
    this.fields = options.fields ?? {}
    this.headers = options.headers ?? {}
  }
}

export function denyAccess(message = 'Access Denied'): AwsError {
  return new AwsError(403, 'AccessDenied', message)
}
