// The SDK's default chain of credentials, as all clients use it.
import { fromNodeProviderChain } from '@aws-sdk/credential-providers'
import { makeAgents } from './http-agents.ts'
import type { Environment } from './http-agents.ts'

export interface SessionCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}

export type CredentialProvider = (options?: { forceRefresh?: boolean }) => Promise<SessionCredentials>

/** Options of the request handler for STS, IAM and other services with short requests and responses. */
export function serviceRequestHandler(environment: Environment) {
  return {
    ...makeAgents(environment),
    connectionTimeout: 10_000,
    requestTimeout: 30_000,
    throwOnRequestTimeout: true,
  }
}

export interface ChainSettings {
  /** Asks the user for the code of a second factor. */
  readMfaCode?: ((serial: string) => Promise<string>) | undefined
}

/**
 * Reads the shared files again whenever it loads credentials, because a rotation replaces them while the process runs.
 * Credentials without an expiry are loaded again by `forceRefresh` alone.
 */
export function credentialChain(
  { readMfaCode }: ChainSettings,
  environment: Environment,
): CredentialProvider {
  return fromNodeProviderChain({
    ignoreCache: true,
    logger: silentLogger,
    clientConfig: { requestHandler: serviceRequestHandler(environment) },
    ...(readMfaCode === undefined ? {} : { mfaCodeProvider: readMfaCode }),
  })
}

/** The SDK's warnings would go to the console, between the records of a command. */
const ignore = (): void => undefined
const silentLogger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }
