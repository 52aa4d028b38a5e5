// A vault through its nights: the commands that run there each night, each with its own role, on a cloud whose clock
// turns. The commands are those of `holdfast`.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { KmsSigner } from '../../../aws/kms-signer.ts'
import { dutyRoleName, notaryKeyAlias, writerRoleName } from '../../../guardrails/names.ts'
import type { DrillCloud } from '../cloud.ts'
import { connectS3, toSdk } from '../sessions.ts'
import { runHere } from './holdfast-here.ts'
import type { CommandOutcome } from './holdfast-here.ts'

export interface NightVaultOptions {
  cloud: Pick<DrillCloud, 'sandbox' | 'sessions'>
  region: string
  bucket: string
  /** A directory for caches, states and keys. */
  home: string
}

export interface NightOutcome extends CommandOutcome {
  /** The lines of standard output. */
  records: readonly Readonly<Record<string, unknown>>[]
}

/** The result of `holdfast check` for one source. */
export interface CheckedNight {
  status: number
  /** The ids of the checks that did not pass. */
  red: readonly string[]
  /** The first finding of each red check. */
  findings: Readonly<Record<string, string>>
}

export interface BackupRun {
  source: string
  directory: string
  kind?: 'volume' | 'postgres'
  flags?: readonly string[]
}

export class NightVault {
  readonly notaryKeyFile: string
  private readonly options: NightVaultOptions

  constructor(options: NightVaultOptions) {
    this.options = options
    this.notaryKeyFile = path.join(options.home, 'notary.pem')
  }

  get nowMs(): number {
    return this.options.cloud.sandbox.clock.nowMs()
  }

  pass(ms: number): void {
    this.options.cloud.sandbox.clock.turn(ms)
  }

  /** Writes the notary's public key, as the toolkit has it, into `notaryKeyFile`. */
  async publishNotaryKey(): Promise<void> {
    const { cloud, region } = this.options
    const credentials = toSdk(await cloud.sessions.of(dutyRoleName('notary')))
    const settings = {
      region,
      endpoint: cloud.sandbox.endpoint,
      credentials: () => Promise.resolve(credentials),
    }
    const { publicKeyPem } = await KmsSigner.open(settings, notaryKeyAlias)
    await writeFile(this.notaryKeyFile, publicKeyPem)
  }

  /** Runs `holdfast` with the session of a role. */
  async run(roleName: string, args: readonly string[]): Promise<NightOutcome> {
    const outcome = await this.runInWords(roleName, [...args, '--json'])
    const lines = outcome.stdout.split('\n').filter((line) => line !== '')
    return { ...outcome, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
  }

  async runInWords(roleName: string, args: readonly string[]): Promise<CommandOutcome> {
    const { cloud, region, bucket, home } = this.options
    const { accessKeyId, secretAccessKey, sessionToken } = await cloud.sessions.of(roleName)
    return runHere('holdfast', [...args, '--bucket', bucket, '--no-assume-role'], {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      TZ: 'UTC',
      HOLDFAST_PROGRESS_SECONDS: '0',
      AWS_REGION: region,
      AWS_ENDPOINT_URL: cloud.sandbox.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken === null ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    })
  }

  backUp({ source, directory, kind = 'volume', flags = [] }: BackupRun): Promise<NightOutcome> {
    return this.run(writerRoleName(source), [
      ...['backup', directory, '--source', source, '--kind', kind],
      ...['--cache-dir', path.join(this.options.home, 'caches', source)],
      ...flags,
    ])
  }

  async check(source: string, flags: readonly string[] = []): Promise<CheckedNight> {
    const outcome = await this.run(dutyRoleName('drill'), ['check', '--source', source, ...flags])
    const checks = outcome.records.filter(({ type }) => type === 'check') as unknown as CheckRecord[]
    if (checks.length === 0) throw new Error(`no check ran on ${source}: ${outcome.stderr.trim()}`)
    const red = checks.filter(({ status }) => status !== 'passed')
    return {
      status: outcome.status,
      red: red.map(({ check }) => check),
      findings: Object.fromEntries(
        red.map(({ check, findings: [first] }) => [check, `${first?.subject}: ${first?.detail}`]),
      ),
    }
  }

  /** Uploads an object with the session of a role, as a thief of this session can. */
  async upload(roleName: string, key: string, body: string | Uint8Array): Promise<UploadResult> {
    const { cloud, region, bucket } = this.options
    const { sandbox, sessions } = cloud
    const access = { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs }
    const client = connectS3(access, await sessions.of(roleName))
    try {
      const { VersionId } = await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: body,
          IfNoneMatch: '*',
          ChecksumAlgorithm: 'SHA256',
        }),
      )
      return { versionId: VersionId ?? null, refusal: null }
    } catch (error) {
      return { versionId: null, refusal: (error as Error).name }
    } finally {
      client.destroy()
    }
  }
}

export interface UploadResult {
  versionId: string | null
  /** The code of the error; null if the upload succeeded. */
  refusal: string | null
}

interface CheckRecord {
  type: 'check'
  check: string
  status: string
  findings: readonly { subject: string; detail: string }[]
}
