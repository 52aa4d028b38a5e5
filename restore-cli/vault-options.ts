// The options that every command on a vault shares: the vault, and the role that opens it.
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../core/errors.ts'
import type { TrustedKeys } from '../core/signature.ts'
import { feedbackBucketBeside } from '../guardrails/names.ts'
import type { Configuration, VaultInRegion } from './configuration.ts'
import { jsonOption, sourceIdentityOption, wholeNumber } from './options.ts'

export interface VaultFlags {
  bucket?: string
  region?: string
  endpoint?: string
  /** False: `--no-assume-role`. */
  assumeRole: boolean
  roleArn?: string
  sourceIdentity?: string
  sessionSeconds?: number
  mfaSerial?: string
  config?: string
  json?: boolean
  /** Only some commands declare these. The source also selects one of the configuration's regions. */
  source?: string
  notaryKey?: string
  reportKeys?: string
}

/** The vault, and the role that opens it: what flags, environment and configuration add up to. */
export interface VaultAddress {
  bucket: string
  region?: string
  endpoint?: string
  /** The vault's guaranteed retention; only a configuration has it. */
  promiseDays?: number
  /** Null for a bucket that has none beside it. */
  feedbackBucket: string | null
  /** The keys whose receipts count; only --notary-key and a configuration have them. */
  trustedKeys?: TrustedKeys
  /** The keys whose reports count; only --report-keys and a configuration have them. */
  reportKeys?: TrustedKeys
  role?: {
    roleArn: string
    sessionName: string
    sourceIdentity?: string
    externalId?: string
    durationSeconds?: number
    mfaSerial?: string
  }
}

const maxKeyFileBytes = 64 * 1024
const keyFiles = {
  notary: 'pass the file `notary.pem` of the toolkit with --notary-key',
  report: 'pass the file `reports.pem` of the toolkit with --report-keys',
} as const
const pemStart = '-----BEGIN PUBLIC KEY-----'

/** The role that a command needs. */
export interface RoleRequest {
  /** Name of the command: it is part of the session's name in the audit trail. */
  command: string
  /** The configuration's role for this command. */
  roleOf: (configuration: Configuration) => string | undefined
  /** The external id that the role's trust policy requires. */
  externalId?: string
}

export function addVaultOptions(command: Command): void {
  command
    .optionsGroup('Vault:')
    .addOption(new Option('--bucket <name>', 'bucket of the vault').env('HOLDFAST_BUCKET'))
    .addOption(
      new Option('--region <name>', "its region (default: the configuration's or the SDK's)").env(
        'HOLDFAST_REGION',
      ),
    )
    .addOption(
      new Option('--endpoint <url>', 'an S3-compatible store instead of AWS').env('HOLDFAST_ENDPOINT'),
    )
    .addOption(
      new Option('--role-arn <arn>', "role to assume (default: the configuration's)").env(
        'HOLDFAST_ROLE_ARN',
      ),
    )
    .addOption(
      new Option('--no-assume-role', 'use the credentials directly, even if the configuration names a role'),
    )
    .addOption(sourceIdentityOption('the person behind the session, for the audit trail'))
    .addOption(
      new Option('--session-seconds <n>', 'length of the session, 900 to 3600')
        .env('HOLDFAST_SESSION_SECONDS')
        .argParser(wholeNumber),
    )
    .addOption(
      new Option('--mfa-serial <arn>', 'second factor that the role requires').env('HOLDFAST_MFA_SERIAL'),
    )
    .addOption(
      new Option(
        '--config <file>',
        "the output of `pulumi stack output --json` in the vault layer's stack",
      ).env('HOLDFAST_CONFIG'),
    )
    .optionsGroup('Output:')
    .addOption(jsonOption())
}

/** @throws `invalid-input` without a bucket, or for a configuration that can't be used; `not-found`. */
export async function resolveVault(flags: VaultFlags, request: RoleRequest): Promise<VaultAddress> {
  const values = withoutEmpty(flags)
  const { configuration, configuredVault } = await readConfigured(values)
  const bucket = values.bucket ?? configuredVault?.bucket
  if (bucket === undefined) {
    throw new HoldfastError('invalid-input', 'no vault given: pass --bucket or --config', {
      hint: "pass --bucket NAME (or HOLDFAST_BUCKET), or --config FILE with the output of `pulumi stack output --json` in the vault layer's stack",
    })
  }
  const roleArn = values.assumeRole
    ? (values.roleArn ?? (configuration === undefined ? undefined : request.roleOf(configuration)))
    : undefined
  return withoutEmpty({
    bucket,
    region: configuredVault?.region ?? values.region ?? configuration?.region,
    endpoint: values.endpoint ?? configuration?.endpoint,
    promiseDays: configuration?.lock?.promiseDays,
    feedbackBucket: feedbackBucketBeside(bucket),
    trustedKeys: await readTrustedKeys(values.notaryKey, configuration?.notaryPublicKeys, 'notary'),
    reportKeys: await readTrustedKeys(values.reportKeys, configuration?.reportPublicKeys, 'report'),
    role:
      roleArn === undefined
        ? undefined
        : withoutEmpty({
            roleArn,
            sessionName: `holdfast-${request.command}`,
            externalId: request.externalId,
            sourceIdentity: values.sourceIdentity,
            durationSeconds: values.sessionSeconds,
            mfaSerial: values.mfaSerial,
          }),
  })
}

/** @throws `not-found`, `invalid-input` for a file without usable public keys. */
async function readTrustedKeys(
  file: string | undefined,
  publicKeys: Readonly<Record<string, string>> = {},
  kind: keyof typeof keyFiles,
): Promise<TrustedKeys | undefined> {
  const configured = Object.values(publicKeys)
    .map((key) => `-----BEGIN PUBLIC KEY-----\n${key}\n-----END PUBLIC KEY-----\n`)
    .join('')
  if (file === undefined && configured === '') return undefined
  const { TrustedKeys: Keys } = await import('../core/signature.ts')
  if (file === undefined) return Keys.parse(configured, 'of the configuration')
  // A container without a writable disk gets the keys in its command.
  if (file.startsWith(pemStart)) return Keys.parse(file, 'of the command')
  const { readTextFile } = await import('../blast-radius/text-file.ts')
  const text = readTextFile(file, {
    label: 'the public key',
    maxBytes: maxKeyFileBytes,
    hint: keyFiles[kind],
  })
  return Keys.parse(text, file)
}

async function readConfigured(
  values: VaultFlags,
): Promise<{ configuration?: Configuration; configuredVault?: VaultInRegion }> {
  if (values.config === undefined) return {}
  // Loaded on demand, because the schema library takes longer to load than the rest of the command line.
  const { chooseRegion, readConfiguration } = await import('./configuration.ts')
  const configuration = readConfiguration(values.config)
  // A bucket that the user names can be in any region, so the configuration's regions do not apply to it.
  if (values.bucket !== undefined) return { configuration }
  return { configuration, configuredVault: chooseRegion(configuration, values.region, values.source) }
}

type WithoutUndefined<Fields> = {
  [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name]
} & {
  [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>
}

/** A copy without the fields that are undefined or empty: an environment variable set to '' counts as unset. */
function withoutEmpty<Fields extends object>(fields: Fields): WithoutUndefined<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''),
  ) as WithoutUndefined<Fields>
}
