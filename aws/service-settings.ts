// Settings and calls that the clients of small services (IAM, STS, RDS) share. S3 has its own connection.
import { sdkAttempts } from '../core/retry.ts'
import { credentialChain, serviceRequestHandler } from './credential-chain.ts'
import type { Environment } from './http-agents.ts'
import { translateError } from './error-translation.ts'

export interface ServiceSettings {
  region?: string | undefined
  /** Replaces AWS's endpoint; AWS_ENDPOINT_URL works too. */
  endpoint?: string
  credentials?: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>
  signal?: AbortSignal
  /** Names the proxy and the certificates. Default: the process's. */
  environment?: Environment
}

export function clientSettings({
  region,
  endpoint,
  credentials,
  environment = process.env,
}: ServiceSettings) {
  return {
    region: region || 'us-east-1',
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: credentials ?? credentialChain({}, environment),
    maxAttempts: sdkAttempts.serviceCall,
    requestHandler: serviceRequestHandler(environment),
  }
}

/**
 * Sends one request, and translates its error, except an abort by the signal.
 * @param operation names the call in an error.
 */
export type Ask = <Output>(
  operation: string,
  send: (abort: { abortSignal?: AbortSignal }) => Promise<Output>,
) => Promise<Output>

export function askUntil(signal: AbortSignal | undefined): Ask {
  return async (operation, send) => {
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw translateError(error, operation)
    }
  }
}
