// Options that several commands declare in the same way.
import { InvalidArgumentError, Option } from 'commander'

/** How a command prints a session that it hands out. */
export const sessionFormats = ['env', 'credential-process'] as const
export type SessionFormat = (typeof sessionFormats)[number]

export function jsonOption(): Option {
  return new Option('--json', 'records on standard output, one JSON object a line; errors as JSON too')
}

export function sourceOption(description: string): Option {
  return new Option('--source <name>', description).env('HOLDFAST_SOURCE')
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
