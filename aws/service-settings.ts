// What the small services, IAM and STS, are asked with. S3 has a connection of its own.
import { sdkAttempts } from '../core/retry.ts'
import { translateError } from './error-translation.ts'

export interface ServiceSettings {
  region?: string | undefined
  /** Instead of AWS's; AWS_ENDPOINT_URL works too. */
  endpoint?: string
  credentials?: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>
  signal?: AbortSignal
}

export function clientSettings({ region, endpoint, credentials }: ServiceSettings) {
  return {
    region: region || 'us-east-1',
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: sdkAttempts.serviceCall,
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
  }
}

/** Sends one request; what it fails with is translated, unless it was ended by the signal. @param what is being done, for the message. */
export type Ask = <Answer>(
  what: string,
  send: (abort: { abortSignal?: AbortSignal }) => Promise<Answer>,
) => Promise<Answer>

export function askUntil(signal: AbortSignal | undefined): Ask {
  return async (what, send) => {
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw translateError(error, what)
    }
  }
}
