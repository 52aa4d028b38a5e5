// Opens the vault that a command works on, and closes it afterwards.
import type { KmsSigner } from '../aws/kms-signer.ts'
import type { LiveConfiguration } from '../aws/live-configuration.ts'
import type { S3ObjectStore, S3Settings, StoreWait } from '../aws/s3-object-store.ts'
import type { Clock, Random } from '../core/clock.ts'
import type { FeedbackBucket } from '../core/feedback.ts'
import type { LockExtender, VersionPruner } from '../core/store/custody.ts'
import { readMfaCode } from './mfa-prompt.ts'
import { readSession, remainingMs } from './session-file.ts'
import type { SavedSession } from './session-file.ts'
import type { VaultAddress } from './vault-options.ts'
import { wallClock } from './wall-clock.ts'

/** The adapters that every operation of the engine takes. */
export interface OpenVault {
  store: S3ObjectStore
  clock: Clock
  random: Random
  signal: AbortSignal
}

/** How a command shows that a read waits for the store, and asks for a code. */
export interface VaultTerminal {
  waiting: (wait: StoreWait) => void
  /** Shows no progress while the user answers. */
  asking: <Answer>(ask: () => Promise<Answer>) => Promise<Answer>
}

const silentTerminal: VaultTerminal = { waiting: () => {}, asking: (ask) => ask() }

/** A vault with what lies beside it, opened with the same role when a command asks for it. */
export interface OpenSession extends OpenVault {
  openFeedback: (bucket: string) => Promise<FeedbackBucket>
  /** @param keyName id, ARN or alias of a key of KMS in the vault's region. */
  openSigner: (keyName: string) => Promise<KmsSigner>
  openConfiguration: () => Promise<LiveConfiguration>
  /** When the session ends that only another code renews, in milliseconds; null if it needs none. */
  factorEndsInMs: () => number | null
}

/** The custodian's ports on the vault. No other command opens them. */
export interface OpenCustody extends OpenVault {
  extender: LockExtender
  pruner: VersionPruner
}

/** As `withVault`, with the custodian's ports. */
export async function withCustody<Result>(
  address: VaultAddress,
  signal: AbortSignal,
  use: (vault: OpenCustody) => Promise<Result>,
  terminal: VaultTerminal,
): Promise<Result> {
  const { openS3Access } = await import('../aws/s3-access.ts')
  const { S3LockExtender } = await import('../aws/s3-lock-extender.ts')
  const { openS3ObjectStore } = await import('../aws/s3-object-store.ts')
  const { S3VersionPruner } = await import('../aws/s3-version-pruner.ts')
  const settings = await settingsOf(address, signal, terminal)
  const access = openS3Access(settings)
  const store = openS3ObjectStore(settings, access)
  try {
    return await use({
      store,
      extender: new S3LockExtender(address.bucket, access),
      pruner: new S3VersionPruner(address.bucket, access),
      clock: wallClock,
      random: Math.random,
      signal,
    })
  } finally {
    store.close()
  }
}

export async function withVault<Result>(
  address: VaultAddress,
  signal: AbortSignal,
  use: (vault: OpenSession) => Promise<Result>,
  terminal: VaultTerminal = silentTerminal,
): Promise<Result> {
  const { openS3Access } = await import('../aws/s3-access.ts')
  const { openS3ObjectStore } = await import('../aws/s3-object-store.ts')
  const settings = await settingsOf(address, signal, terminal)
  const access = openS3Access(settings)
  const store = openS3ObjectStore(settings, access)
  const openFeedback: OpenSession['openFeedback'] = async (bucket) => {
    const { S3FeedbackBucket } = await import('../aws/s3-feedback-bucket.ts')
    return new S3FeedbackBucket(bucket, access)
  }
  const openSigner: OpenSession['openSigner'] = async (keyName) => {
    const { KmsSigner } = await import('../aws/kms-signer.ts')
    return KmsSigner.open(await access.serviceSettings('kms'), keyName)
  }
  const opened: LiveConfiguration[] = []
  const openConfiguration: OpenSession['openConfiguration'] = async () => {
    const { LiveConfiguration: Live } = await import('../aws/live-configuration.ts')
    const live = new Live({
      s3: await access.serviceSettings('s3'),
      iam: await access.serviceSettings('iam'),
    })
    opened.push(live)
    return live
  }
  const random = Math.random
  try {
    const factorEndsInMs = (): number | null =>
      settings.role?.mfaSerial === undefined ? null : access.credentials.remainingMs
    const vault = { store, clock: wallClock, random, signal }
    return await use({ ...vault, openFeedback, openSigner, openConfiguration, factorEndsInMs })
  } finally {
    for (const live of opened) live.close()
    store.close()
  }
}

async function settingsOf(
  address: VaultAddress,
  signal: AbortSignal,
  { waiting, asking }: VaultTerminal,
): Promise<S3Settings> {
  const { readProfileEndpoint } = await import('../aws/s3-object-store.ts')
  const saved = savedSessionOf(address.role)
  return {
    ...address,
    ...(saved === null ? {} : withSession(address.role!, saved)),
    profileEndpoint: address.endpoint === undefined ? await readProfileEndpoint() : undefined,
    signal,
    onWait: waiting,
    readMfaCode: (serial) => asking(() => readMfaCode(serial, signal)),
  }
}

/** The session of `holdfast login`, if the command would assume the same role for the same person. */
function savedSessionOf(role: VaultAddress['role']): SavedSession | null {
  // Only a writer's role has an external id, and a backup must not fail for the session of a human.
  if (role === undefined || role.externalId !== undefined) return null
  const session = readSession(process.env)
  if (session === null || session.roleArn !== role.roleArn) return null
  if (role.sourceIdentity !== undefined && role.sourceIdentity !== session.sourceIdentity) return null
  return remainingMs(session, wallClock.nowMs()) === 0 ? null : session
}

/** The next session is opened with the same second factor. */
function withSession(
  role: NonNullable<VaultAddress['role']>,
  { accessKeyId, secretAccessKey, sessionToken, openedMs, lifetimeMs, mfaSerial }: SavedSession,
): Pick<S3Settings, 'role' | 'opened'> {
  return {
    role: mfaSerial === null ? role : { mfaSerial, ...role },
    opened: { value: { accessKeyId, secretAccessKey, sessionToken }, openedMs, lifetimeMs },
  }
}

/**
 * Opens another session of the address's role.
 * @throws `credentials` for a refused second factor, `denied`, `unreachable`.
 */
export async function openRoleSession(
  { role, ...address }: VaultAddress & { role: NonNullable<VaultAddress['role']> },
  signal: AbortSignal,
  terminal: VaultTerminal,
): Promise<Pick<SavedSession, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'lifetimeMs'>> {
  const { openS3Access } = await import('../aws/s3-access.ts')
  const settings = await settingsOf(address, signal, terminal)
  const access = openS3Access({ ...settings, role })
  try {
    const { accessKeyId, secretAccessKey, sessionToken = '' } = await access.credentials.get()
    return { accessKeyId, secretAccessKey, sessionToken, lifetimeMs: access.credentials.remainingMs ?? 0 }
  } finally {
    access.connection.close()
  }
}
