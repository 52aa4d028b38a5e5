// Calls the SDK, translates its errors, and renews a session that has expired.
import { HoldfastError } from '../core/errors.ts'
import { renewedSessionRetry, retryAtOnce } from '../core/retry.ts'
import type { RenewedCredentials } from './credentials.ts'
import { translateError } from './error-translation.ts'
import type { S3Connection } from './s3-connection.ts'

/** A session that has ended, or a key that a rotation has replaced. */
const rejectedCredentials =
  /^(?:ExpiredToken|TokenRefreshRequired|InvalidAccessKeyId|InvalidToken|InvalidClientTokenId)/

export class S3Calls {
  readonly connection: S3Connection
  private readonly credentials: RenewedCredentials
  /** A call has succeeded, so that the address and the credentials are right. */
  hasSucceeded = false

  constructor(connection: S3Connection, credentials: RenewedCredentials) {
    this.connection = connection
    this.credentials = credentials
  }

  /** Runs a read, and repeats it once if its session had expired and was renewed. */
  async read<Output>(operation: string, call: () => Promise<Output>): Promise<Output> {
    return retryAtOnce(renewedSessionRetry, () => this.attempt(operation, call))
  }

  /** Runs one call of the SDK. Translates its error, and renews an expired session for the next call. */
  async attempt<Output>(operation: string, call: () => Promise<Output>): Promise<Output> {
    try {
      const output = await call()
      this.hasSucceeded = true
      return output
    } catch (error) {
      this.connection.throwIfStopped()
      const failure = translateError(error, operation)
      if (!rejectedCredentials.test(String(failure.context['awsError']))) throw failure
      const renewed = await this.credentials.renew().catch(() => false)
      throw renewed ? withContext(failure, { renewed }, true) : failure
    }
  }
}

export function withContext(
  error: HoldfastError,
  context: HoldfastError['context'],
  retryable = error.retryable,
): HoldfastError {
  return new HoldfastError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable,
    context: { ...error.context, ...context },
    cause: error.cause,
  })
}
