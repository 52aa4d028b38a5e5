// Opens the vault that a command works on, and closes it afterwards.
import type { S3ObjectStore } from '../aws/s3-object-store.ts'
import type { Clock, Random } from '../core/clock.ts'
import { readMfaCode } from './mfa-prompt.ts'
import type { VaultAddress } from './vault-options.ts'
import { wallClock } from './wall-clock.ts'

/** The adapters that every operation of the engine takes. */
export interface OpenVault {
  store: S3ObjectStore
  clock: Clock
  random: Random
  signal: AbortSignal
}

export async function withVault<Result>(
  address: VaultAddress,
  signal: AbortSignal,
  use: (vault: OpenVault) => Promise<Result>,
): Promise<Result> {
  const { openS3ObjectStore } = await import('../aws/s3-object-store.ts')
  const store = openS3ObjectStore({
    ...address,
    signal,
    readMfaCode: (serial) => readMfaCode(serial, signal),
  })
  try {
    return await use({ store, clock: wallClock, random: Math.random, signal })
  } finally {
    store.close()
  }
}
