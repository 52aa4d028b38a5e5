// The last step: time. Locks end by the cloud's clock alone. Afterwards only the custodian can delete a version.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { ulid } from 'ulid'
import { openS3ObjectStore } from '../../../aws/s3-object-store.ts'
import { backup } from '../../../engine/backup/backup.ts'
import type { Credentials } from '../../sandbox/identity/credentials.ts'
import { dayMs } from '../attack/attack.ts'
import { describeError } from '../claims.ts'
import type { ClaimFindings } from '../claims.ts'
import { startCloud } from '../cloud.ts'
import type { DrillCloud } from '../cloud.ts'
import { directories } from '../drill-context.ts'
import type { DrillContext, Provisioned } from '../drill-context.ts'
import { drillPrincipals } from '../principals.ts'
import { connectS3, toSdk } from '../sessions.ts'
import { packPrefix } from '../../../core/store/vault-keys.ts'

interface Version {
  Bucket: string
  Key: string
  VersionId: string
}

interface Scene {
  context: DrillContext
  cloud: DrillCloud
  provisioned: Provisioned
  /** How long the vault locks a new version. */
  lockDays: number
}

export async function passTime(context: DrillContext, provisioned: Provisioned): Promise<void> {
  const { ledger, timeline, cleanup, config } = context
  const lockDays = config.promiseDays + config.generationDays
  const { declaration, region } = provisioned
  await provisioned.sandbox.stop()
  const cloud = await startCloud({
    directory: directories(context).sandbox,
    declaration,
    clock: provisioned.sandbox.clock,
    region,
    cleanup,
    onRequest: (record) => context.meter.count(record),
  })
  const scene: Scene = { context, cloud, provisioned, lockDays }
  await ledger.examine('skewed-requests-refused', () => examineSkew(scene))
  await ledger.examine('client-clock-changes-nothing', () => examineClientClock(scene))
  const [expiring, extended] = [await add(scene, 'expiring'), await add(scene, 'extended')]
  const early = await tryEarly(scene, expiring, extended)
  cloud.sandbox.clock.turn((lockDays + 1) * dayMs)
  timeline.note(`the cloud's clock is turned by ${lockDays + 1} days: the locks in the vault have ended`)
  await ledger.examine('unexpired-versions-stay', async () =>
    examine(
      [...early, ...(await tryExtended(scene, extended))],
      'before the end of its lock, and after an extension',
    ),
  )
  await ledger.examine('expired-versions-only-by-custodian', () => examineExpired(scene, expiring))
  await cloud.stop()
  cleanup.add('embedded cloud after its time', () => cloud.stop())
}

function examine(findings: string[], evidence: string): ClaimFindings {
  return { findings, evidence }
}

/** The error code of the refusal; `allowed` without one. */
async function answerTo(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'allowed',
    (error: unknown) => (error as Error).name,
  )
}

function connect(
  { cloud: { sandbox }, provisioned: { region } }: Scene,
  credentials: Credentials | null,
): S3Client {
  return connectS3({ endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs }, credentials)
}

async function withRole<T>(scene: Scene, role: string, use: (client: S3Client) => Promise<T>): Promise<T> {
  const client = connect(scene, await scene.cloud.sessions.of(role))
  try {
    return await use(client)
  } finally {
    client.destroy()
  }
}

/** Adds a version as the writer does. */
async function add(scene: Scene, name: string): Promise<Version> {
  const object = {
    Bucket: scene.provisioned.vault.name,
    Key: `${packPrefix('rental-db')}${name}/${ulid(scene.cloud.sandbox.clock.nowMs())}`,
  }
  const { VersionId } = await withRole(scene, 'holdfast-writer-rental-db', (client) =>
    client.send(new PutObjectCommand({ ...object, Body: name, IfNoneMatch: '*' })),
  )
  return { ...object, VersionId: VersionId ?? 'null' }
}

async function tryEarly(scene: Scene, expiring: Version, extended: Version): Promise<string[]> {
  const { lockDays } = scene
  const nowMs = scene.cloud.sandbox.clock.nowMs()
  const until = (days: number) => ({
    Mode: 'COMPLIANCE' as const,
    RetainUntilDate: new Date(nowMs + days * dayMs),
  })
  return withRole(scene, 'holdfast-custodian', async (client) => {
    const findings: string[] = []
    const deleted = await answerTo(client.send(new DeleteObjectCommand(expiring)))
    if (deleted !== 'AccessDenied')
      findings.push(`the custodian deletes a version that is locked: ${deleted}`)
    const longer = await answerTo(
      client.send(new PutObjectRetentionCommand({ ...extended, Retention: until(lockDays + 60) })),
    )
    if (longer !== 'allowed') findings.push(`the custodian can't extend a lock: ${longer}`)
    const capped = await answerTo(
      client.send(
        new PutObjectRetentionCommand({
          ...extended,
          Retention: until(scene.context.config.retentionCapDays + 30),
        }),
      ),
    )
    if (capped !== 'AccessDenied') findings.push(`the custodian extends a lock beyond the cap: ${capped}`)
    const shorter = await answerTo(
      client.send(new PutObjectRetentionCommand({ ...extended, Retention: until(lockDays) })),
    )
    if (shorter !== 'AccessDenied')
      findings.push(`the custodian shortens a lock that was extended: ${shorter}`)
    return findings
  })
}

async function tryExtended(scene: Scene, extended: Version): Promise<string[]> {
  const answer = await withRole(scene, 'holdfast-custodian', (client) =>
    answerTo(client.send(new DeleteObjectCommand(extended))),
  )
  return answer === 'AccessDenied'
    ? []
    : [`the custodian deletes a version whose lock was extended: ${answer}`]
}

/** Every identity tries a deletion by id, with bypass and by a marker. The custodian may delete by id only. */
async function examineExpired(scene: Scene, expired: Version): Promise<ClaimFindings> {
  const {
    cloud,
    provisioned: { accounts },
  } = scene
  const identities: [who: string, credentials: Credentials | null][] = [
    ...Object.entries(accounts).map(([name, id]): [string, Credentials] => [
      `${name}'s root`,
      cloud.sandbox.rootCredentials(id),
    ]),
    ['an unsigned request', null],
  ]
  for (const { role } of drillPrincipals)
    if (role !== 'holdfast-custodian') identities.push([role, await cloud.sessions.of(role)])
  const findings: string[] = []
  const { VersionId: _id, ...current } = expired
  for (const [identityName, credentials] of identities) {
    const client = connect(scene, credentials)
    const tries = {
      'by id': expired,
      'by id, bypassing': { ...expired, BypassGovernanceRetention: true },
      'by a marker': current,
    }
    for (const [how, input] of Object.entries(tries)) {
      const answer = await answerTo(client.send(new DeleteObjectCommand(input)))
      if (answer !== 'AccessDenied') findings.push(`${identityName} deletes it ${how}: ${answer}`)
    }
    client.destroy()
  }
  await withRole(scene, 'holdfast-custodian', async (client) => {
    const hidden = await answerTo(client.send(new DeleteObjectCommand(current)))
    if (hidden !== 'AccessDenied') findings.push(`the custodian writes a delete marker: ${hidden}`)
    const deleted = await answerTo(client.send(new DeleteObjectCommand(expired)))
    if (deleted !== 'allowed') findings.push(`the custodian can't delete it: ${deleted}`)
    const { Versions: remaining = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket: expired.Bucket, Prefix: expired.Key }),
    )
    if (remaining.length > 0) findings.push('it is still there after the custodian deleted it')
  })
  return examine(findings, `${identities.length} identities tried in three ways each, then the custodian`)
}

async function examineSkew(scene: Scene): Promise<ClaimFindings> {
  const {
    cloud: { sandbox, sessions },
    provisioned: { region, vault, accounts },
  } = scene
  const signers: [string, Credentials][] = [
    ['the writer', await sessions.of('holdfast-writer-rental-db')],
    ['the restorer', await sessions.of('holdfast-restorer')],
    ["the vault's root", sandbox.rootCredentials(accounts.vault)],
  ]
  const findings: string[] = []
  let requestCount = 0
  for (const days of [-1, 1]) {
    for (const [identityName, credentials] of signers) {
      // A new client for each request, because a client learns the clock's offset from the first response.
      const skewed = {
        endpoint: sandbox.endpoint,
        region,
        maxAttempts: 1,
        systemClockOffset: sandbox.clock.offsetMs + days * dayMs,
        credentials: toSdk(credentials),
      }
      const byS3 = () => new S3Client({ ...skewed, forcePathStyle: true })
      const key = `${packPrefix('rental-db')}skewed/${ulid(sandbox.clock.nowMs())}`
      const answers: Record<string, [string, string]> = {
        write: [
          'RequestTimeTooSkewed',
          await answerTo(
            byS3().send(new PutObjectCommand({ Bucket: vault.name, Key: key, Body: 'x', IfNoneMatch: '*' })),
          ),
        ],
        list: [
          'RequestTimeTooSkewed',
          await answerTo(byS3().send(new ListObjectVersionsCommand({ Bucket: vault.name }))),
        ],
        // The token service has another error code for a skewed request.
        identity: [
          'SignatureDoesNotMatch',
          await answerTo(new STSClient(skewed).send(new GetCallerIdentityCommand({}))),
        ],
      }
      for (const [requestName, [expectedCode, answer]] of Object.entries(answers)) {
        requestCount++
        if (answer !== expectedCode)
          findings.push(
            `${requestName} by ${identityName}, dated ${days > 0 ? 'tomorrow' : 'yesterday'}: ${answer}`,
          )
      }
    }
  }
  return examine(findings, `${requestCount} requests`)
}

/** Backs up with the engine in this process: first with the right clock, then with a clock that is wrong by a day. */
async function examineClientClock(scene: Scene): Promise<ClaimFindings> {
  const {
    context,
    cloud: { sandbox, sessions },
    provisioned: { region, vault },
  } = scene
  const findings: string[] = []
  const directory = path.join(context.workDirectory, 'skewed-host')
  await mkdir(directory, { recursive: true })
  const credentials = toSdk(await sessions.of('holdfast-writer-uploads'))
  for (const days of [0, -1, 1]) {
    await writeFile(path.join(directory, 'file'), `written by a host that is ${days} days off`)
    const store = openS3ObjectStore({
      bucket: vault.name,
      region,
      endpoint: sandbox.endpoint,
      credentials: () => Promise.resolve(credentials),
      environment: {},
    })
    const fromMs = sandbox.clock.nowMs()
    const result = await backup({
      store,
      random: Math.random,
      source: 'uploads',
      kind: 'volume',
      directory,
      cacheDirectory: path.join(context.workDirectory, `skewed-cache-${days}`),
      clock: { nowMs: () => sandbox.clock.nowMs() + days * dayMs, sleep: () => Promise.resolve() },
      promiseDays: context.config.promiseDays,
      allowUnlocked: vault.objectLock.default?.mode !== 'COMPLIANCE',
      toolVersion: context.report.tool.version,
      workers: 1,
      signal: context.signal,
    })
      .catch((error: unknown) => describeError(error))
      .finally(() => store.close())
    if (typeof result === 'string' || result.snapshot === null) {
      findings.push(
        `no backup with the host's clock ${days} days off: ${typeof result === 'string' ? result : 'nothing was committed'}`,
      )
      continue
    }
    const { snapshot } = result
    findings.push(
      ...(
        await examineWritten(
          scene,
          { Bucket: vault.name, Key: snapshot.key, VersionId: snapshot.versionId },
          snapshot.timeMs,
          fromMs,
        )
      ).map((finding) => `with the host's clock ${days} days off: ${finding}`),
    )
  }
  return examine(findings, "3 backups, with the host's clock right, a day back and a day forth")
}

function examineWritten(scene: Scene, version: Version, timeMs: number, fromMs: number): Promise<string[]> {
  const toleranceMs = 2_000
  return withRole(scene, 'holdfast-drill', async (client) => {
    const findings: string[] = []
    const { LastModified } = await client.send(new HeadObjectCommand(version))
    const writtenMs = LastModified?.getTime() ?? 0
    if (Math.abs(timeMs - writtenMs) > toleranceMs) findings.push("the snapshot's time is not the server's")
    if (writtenMs < fromMs - toleranceMs || writtenMs > scene.cloud.sandbox.clock.nowMs() + toleranceMs)
      findings.push("the server's date is not the time of the upload")
    const Retention = await client.send(new GetObjectRetentionCommand(version)).then(
      (answer) => answer.Retention,
      () => undefined,
    )
    const lockedMs = (Retention?.RetainUntilDate?.getTime() ?? 0) - writtenMs
    if (Math.abs(lockedMs - scene.lockDays * dayMs) > toleranceMs)
      findings.push(`it is locked for ${(lockedMs / dayMs).toFixed(1)} days`)
    return findings
  })
}
