// The options that every command shares: which vault, and as whom.
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../core/errors.ts'
import { chooseRegion, readConfiguration } from './configuration.ts'
import type { Configuration } from './configuration.ts'

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
  /** Of the commands that have one: tells the region too. */
  source?: string
}

/** Where the vault is and which role opens it: the flags, the environment and the configuration made one. */
export interface VaultAddress {
  bucket: string
  region?: string
  endpoint?: string
  /** What the vault was set up to promise; only a configuration tells. */
  promiseDays?: number
  role?: {
    roleArn: string
    sessionName: string
    sourceIdentity?: string
    externalId?: string
    durationSeconds?: number
    mfaSerial?: string
  }
}

const heading = 'Vault:'

export function addVaultOptions(command: Command): Command {
  return command
    .optionsGroup(heading)
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
      new Option('--role-arn <arn>', 'role to assume (default: as the configuration says)').env(
        'HOLDFAST_ROLE_ARN',
      ),
    )
    .addOption(
      new Option('--no-assume-role', 'use the credentials as they are, whatever the configuration says'),
    )
    .addOption(
      new Option('--source-identity <name>', 'who is behind the session, for the audit trail').env(
        'HOLDFAST_SOURCE_IDENTITY',
      ),
    )
    .addOption(
      new Option('--session-seconds <n>', 'length of the session, 900 to 3600')
        .env('HOLDFAST_SESSION_SECONDS')
        .argParser(wholeNumber),
    )
    .addOption(
      new Option('--mfa-serial <arn>', 'second factor that the role asks for').env('HOLDFAST_MFA_SERIAL'),
    )
    .addOption(
      new Option('--config <file>', 'what `pulumi stack output --json` prints').env('HOLDFAST_CONFIG'),
    )
    .optionsGroup('Output:')
    .addOption(new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too'))
}

/**
 * @param roleOf the role that the configuration has for this command.
 * @param externalId what the trust of such a role asks for.
 * @throws `invalid-input` without a bucket, or for a configuration that can't be used.
 */
export function resolveVault(
  flags: VaultFlags,
  command: string,
  roleOf: (configuration: Configuration) => string | undefined,
  externalId?: string,
): VaultAddress {
  const configuration = given(flags.config) === undefined ? undefined : readConfiguration(flags.config!)
  // A bucket that is named may lie anywhere: whoever names it says where, or leaves it to the configuration.
  const chosen =
    given(flags.bucket) !== undefined || configuration === undefined
      ? undefined
      : chooseRegion(configuration, given(flags.region), given(flags.source))
  const bucket = given(flags.bucket) ?? chosen?.bucket
  if (bucket === undefined) {
    throw new HoldfastError('invalid-input', 'which vault is not said', {
      hint: 'pass --bucket NAME (or HOLDFAST_BUCKET), or --config FILE with what `pulumi stack output --json` prints',
    })
  }
  const region = chosen?.region ?? given(flags.region) ?? configuration?.region
  const endpoint = given(flags.endpoint) ?? configuration?.endpoint
  const roleArn = flags.assumeRole
    ? (given(flags.roleArn) ?? (configuration === undefined ? undefined : roleOf(configuration)))
    : undefined
  return {
    bucket,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(configuration?.lock === undefined ? {} : { promiseDays: configuration.lock.promiseDays }),
    ...(roleArn === undefined
      ? {}
      : {
          role: {
            roleArn,
            sessionName: `holdfast-${command}`,
            ...(externalId === undefined ? {} : { externalId }),
            ...(given(flags.sourceIdentity) === undefined ? {} : { sourceIdentity: flags.sourceIdentity! }),
            ...(flags.sessionSeconds === undefined ? {} : { durationSeconds: flags.sessionSeconds }),
            ...(given(flags.mfaSerial) === undefined ? {} : { mfaSerial: flags.mfaSerial! }),
          },
        }),
  }
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.')
  return Number(text)
}

/** A variable that is set to nothing is as good as unset. */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
