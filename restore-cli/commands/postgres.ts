// `holdfast postgres`: streams a server's WAL into the vault, and checks whether a server can be backed up.
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import { lsnText } from '../../core/wal/lsn.ts'
import type { StreamEvent } from '../../engine/postgres/timeline-stream.ts'
import { externalIdOf } from '../../guardrails/names.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { jsonOption, seconds, sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { addConnectOptions, readServerAddress } from '../postgres-address.ts'
import type { ConnectFlags } from '../postgres-address.ts'
import { bytesText } from '../render/figures.ts'
import { terminalText } from '../render/terminal-text.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface StreamFlags extends VaultFlags, ConnectFlags {
  source: string
  slot: string
  createSlot?: boolean
  every: number
  synchronous?: string
  heartbeat: number
}

export function declare(command: Command, invocation: Invocation): void {
  command.description('Send the WAL of a running PostgreSQL server to the vault, and check the server.')
  declareStream(command.command('stream'), invocation)
  declareCheck(command.command('check'), invocation)
}

function declareCheck(command: Command, invocation: Invocation): void {
  command
    .description('Check whether a server can be backed up and restored, and how much a disaster would cost.')
    .addHelpText(
      'after',
      `
Example:
  holdfast postgres check --connect service=backup

Ends with 14 if something is missing.
`,
    )
    .action(() => check(command.opts(), invocation))
  addConnectOptions(command)
  command.optionsGroup('Output:').addOption(jsonOption())
}

/** @throws `objective-missed` after the report, if something is missing. */
async function check(flags: ConnectFlags & { json?: boolean }, invocation: Invocation): Promise<void> {
  const { signal } = invocation
  const output = makeOutput(invocation, flags.json ?? false)
  const address = serverAddressOf(flags, invocation)
  const { checkServer } = await import('../../engine/postgres/server-check.ts')
  const { PostgresSession } = await import('../../engine/postgres/session.ts')
  const session = await PostgresSession.open({ address, signal })
  const result = await checkServer(session).finally(() => session.close())
  output.record('postgres-check', { ...result })
  output.text(`A disaster costs ${result.loss}.\n`)
  for (const { level, name, detail } of result.findings) output.text(`${level} ${name}: ${detail}\n`)
  const missing = result.findings.filter(({ level }) => level === 'missing').map(({ name }) => name)
  if (missing.length > 0)
    throw new HoldfastError('objective-missed', `the server lacks something: ${missing.join(', ')}`, {
      hint: 'docs/cli.md describes both ways of the WAL into the vault',
      context: { missing },
    })
}

/** @throws `invalid-input` without one. */
function serverAddressOf(flags: ConnectFlags, { environment }: Invocation): string {
  const address = readServerAddress(flags, environment)
  if (address !== null) return address
  throw new HoldfastError('invalid-input', 'no server given: pass --connect or --connect-env', {
    hint: "e.g. --connect 'host=/run/postgresql user=backup'",
  })
}

function declareStream(command: Command, invocation: Invocation): void {
  command
    .description("Stream the server's WAL into the vault until it is stopped.")
    .addOption(sourceOption('the source whose base backups the WAL belongs to').makeOptionMandatory())
    .addOption(
      new Option(
        '--slot <name>',
        'the replication slot that keeps the WAL which is not in the vault yet',
      ).default('holdfast'),
    )
    .option('--create-slot', 'make the slot if it does not exist')
    .addOption(
      new Option('--every <time>', 'upload at least this often while WAL comes')
        .argParser(seconds)
        .default(2000, '2s'),
    )
    .addOption(
      new Option(
        '--synchronous <name>',
        'be the synchronous standby of this name, and upload at once',
      ).conflicts('every'),
    )
    .addOption(
      new Option(
        '--heartbeat <time>',
        'let an idle server commit an empty transaction this often, so that each time can be restored; 0s: never',
      )
        .argParser(seconds)
        .default(10_000, '10s'),
    )
    .addHelpText(
      'after',
      `
Example:
  holdfast postgres stream --connect service=backup --source rental-db --create-slot --config vault.json

The server keeps its WAL until the vault has it: watch the free space of its disk while the vault is away.
Ends with 14 if the server no longer has WAL that the vault lacks.
`,
    )
    .action(() => stream(command.opts(), invocation))
  addConnectOptions(command)
  addVaultOptions(command)
}

async function stream(flags: StreamFlags, invocation: Invocation): Promise<void> {
  assertSourceName(flags.source)
  const address = serverAddressOf(flags, invocation)
  const output = makeOutput(invocation, flags.json ?? false)
  const vaultAddress = await resolveVault(flags, {
    command: 'stream',
    roleOf: ({ writers }) => (Object.hasOwn(writers, flags.source) ? writers[flags.source] : undefined),
    externalId: externalIdOf(flags.source),
  })
  const { streamWithHeartbeat } = await import('../../engine/postgres/heartbeat.ts')
  await withVault(vaultAddress, invocation.signal, (vault) =>
    streamWithHeartbeat({
      ...vault,
      source: flags.source,
      address,
      slot: flags.slot,
      createsSlot: flags.createSlot ?? false,
      everyMs: flags.synchronous === undefined ? flags.every : 0,
      applicationName: flags.synchronous ?? 'holdfast',
      heartbeatMs: flags.heartbeat,
      onEvent: (event) => {
        output.record('stream', eventRecord(event))
        output.text(eventText(event))
      },
    }),
  )
}

function eventRecord(event: StreamEvent): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(event).map(([name, value]: [string, unknown]) => [
      name,
      typeof value !== 'bigint' ? value : name === 'lastCommitUs' ? String(value) : lsnText(value),
    ]),
  )
}

function eventText(event: StreamEvent): string {
  switch (event.kind) {
    case 'started':
      return `streaming ${event.systemId}, timeline ${event.timeline}, from ${lsnText(event.lsn)}\n`
    case 'part':
      return `${lsnText(event.end)} is in the vault (${bytesText(event.storedBytes)})\n`
    case 'timeline':
      return `timeline ${event.timeline} began at ${lsnText(event.lsn)}\n`
    case 'slot-created':
      return `made the slot ${event.slot}, which keeps WAL from ${lsnText(event.lsn)} on: make a base backup\n`
    case 'waiting':
      return `waiting: ${terminalText(event.reason)}\n`
  }
}
