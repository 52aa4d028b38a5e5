// Options that several commands declare in the same way.
import { InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../core/duration-text.ts'

/** How a command prints a session that it hands out. */
export const sessionFormats = ['env', 'credential-process'] as const
export type SessionFormat = (typeof sessionFormats)[number]

/** The guaranteed retention without --promise-days and without a configuration. */
export const defaultPromiseDays = 30

export function jsonOption(): Option {
  return new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too')
}

export function sourceOption(description: string): Option {
  return new Option('--source <name>', description).env('HOLDFAST_SOURCE')
}

/** For writers and custodian alike. Its values are those of `Renewal`. */
export function renewalOption(): Option {
  return new Option(
    '--renewal <way>',
    'keep unchanged content locked by uploading it again, or by extending locks',
  )
    .env('HOLDFAST_RENEWAL')
    .choices(['upload', 'extend'])
    .default('upload')
}

export function snapshotOption(): Option {
  return new Option('--snapshot <id>', 'this snapshot').conflicts('pointInTime')
}

export function pointInTimeOption(): Option {
  return new Option(
    '--point-in-time <time>',
    'newest state at or before it, e.g. 2026-04-24T10:15:00Z (default: the newest)',
  )
}

export function notaryKeyOption(): Option {
  return new Option(
    '--notary-key <file>',
    "public keys of the notary, in PEM: receipts count with them alone (default: the configuration's)",
  ).env('HOLDFAST_NOTARY_KEY')
}

export function reportSigningKeyOption(): Option {
  return new Option(
    '--signing-key <name>',
    'sign the report with this key of KMS: id, ARN or alias (default: it is not signed)',
  ).env('HOLDFAST_REPORT_SIGNING_KEY')
}

export function reportKeysOption(): Option {
  return new Option(
    '--report-keys <file>',
    "public keys of the checks, in PEM: reports count only if one signed them (default: the configuration's)",
  ).env('HOLDFAST_REPORT_KEYS')
}

export function sourceIdentityOption(description: string): Option {
  return new Option('--source-identity <name>', description).env('HOLDFAST_SOURCE_IDENTITY')
}

export function productionConfigOption(): Option {
  return new Option(
    '--config <file>',
    "the output of `pulumi stack output --json` in the production layer's stack",
  ).env('HOLDFAST_PRODUCTION_CONFIG')
}

export function sessionFormatOption(): Option {
  return new Option('--format <format>', 'how to print the session, without a command')
    .choices(sessionFormats)
    .default('env')
    .conflicts('json')
}

export function reportFileOption(): Option {
  return new Option('--report-file <file>', 'also write the report into this local file')
}

export function metricsOption(): Option {
  return new Option(
    '--metrics <file>',
    "also write metrics for the textfile collector of Prometheus' node exporter",
  )
}

/** The variable names the run in a container, whose command is fixed. */
export function runOption(description: string): Option {
  return new Option('--run <id>', description).env('HOLDFAST_RUN')
}

/** An option that can be repeated. @param fallback how the help describes the default. */
export function repeatable(option: Option, fallback: string): Option {
  return option.argParser((value: string, values: string[]) => [...values, value]).default([], fallback)
}

/** @throws `InvalidArgumentError` for a sign, a fraction, or more than nine digits. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.')
  return Number(text)
}

/** Seconds, or as `duration`, in milliseconds. @throws `InvalidArgumentError`. */
export function seconds(text: string): number {
  const match = /^(\d{1,6})s$/.exec(text)
  return match === null ? duration(text) : Number(match[1]) * 1000
}

/** Minutes, hours or days, in milliseconds. @throws `InvalidArgumentError`. */
export function duration(text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs === null) throw new InvalidArgumentError('It is not a time such as 90m, 26h or 2d.')
  return durationMs
}
