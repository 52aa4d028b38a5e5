// `holdfast wal-fetch`: the `restore_command` of PostgreSQL. It writes one file of the write-ahead log.
//
// PostgreSQL takes every status from 1 to 125 for "there is no such file", ends the recovery, and promotes. So status
// 1 says only that, and run.ts gives every failure of this command a status above 125.
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { ObjectStore } from '../../core/store/object-store.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface FetchFlags extends VaultFlags {
  source: string
  systemId?: string
  timeline?: number
  segmentBytes: number
}

/** PostgreSQL's "there is no such file". */
const notThere = 1
const defaultSegmentBytes = 16 * 2 ** 20

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Bring one file of the write-ahead log of PostgreSQL from the vault: for restore_command.')
    .argument('<name>', 'the name of the file: %f of restore_command')
    .argument('<path>', 'where to write it: %p of restore_command')
    .addOption(sourceOption('the source that the cluster is').makeOptionMandatory())
    .option('--system-id <id>', 'the cluster, if the source has WAL of several')
    .addOption(
      new Option(
        '--timeline <n>',
        'the timeline to follow: history files of later ones are not there',
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option('--segment-bytes <n>', "the size of the cluster's segments")
        .argParser(wholeNumber)
        .default(defaultSegmentBytes),
    )
    .addHelpText(
      'after',
      `
In postgresql.conf:
  restore_command = 'holdfast wal-fetch %f %p --source rental-db --config /etc/holdfast/vault.json'

Ends with 0 when the file is written, with 1 if the vault has neither the file nor any later one, and with 200 after
each failure: PostgreSQL stops then, and doesn't promote.
`,
    )
    .action((name: string, path: string) => fetch(name, resolve(path), { flags: command.opts(), invocation }))
  addVaultOptions(command)
}

async function fetch(
  name: string,
  path: string,
  { flags, invocation }: { flags: FetchFlags; invocation: Invocation },
): Promise<void> {
  assertSourceName(flags.source)
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'wal-fetch',
    roleOf: ({ roles }) => roles.restorer,
  })
  await withVault(
    address,
    invocation.signal,
    async ({ store }) => {
      const bytes = await read(store, name, flags)
      if (bytes !== null) writeWhole(path, bytes)
      output.record('wal-fetch', { file: name, bytes: bytes?.length ?? null })
      if (bytes === null) invocation.endWith?.(notThere)
    },
    output,
  )
}

/** Null if the vault has no such file. */
async function read(store: ObjectStore, name: string, flags: FetchFlags): Promise<Buffer | null> {
  const { parseWalFileName } = await import('../../engine/wal/wal-file.ts')
  const { readHistory, readSegment } = await import('../../engine/wal/segment-reader.ts')
  const { isSegmentBytes, parseSegmentName } = await import('../../core/wal/lsn.ts')
  const { kind, stem } = parseWalFileName(name)
  const { source, segmentBytes } = flags
  if (!isSegmentBytes(segmentBytes))
    throw new HoldfastError('invalid-input', `--segment-bytes ${segmentBytes} is no size of a segment`, {
      hint: 'pass what `SHOW wal_segment_size` says, in bytes: a power of two from 1 MiB to 1 GiB',
    })
  const systemId = await systemIdOf(store, flags)
  if (kind === 'history') {
    const timeline = Number.parseInt(stem, 16)
    if (timeline > (flags.timeline ?? timeline)) return null
    return (await readHistory(store, { source, systemId, timeline }))?.bytes ?? null
  }
  const position = parseSegmentName(stem, segmentBytes)
  if (kind !== 'segment' || position === null) return null
  return readSegment(store, { source, systemId, segmentBytes, ...position })
}

async function systemIdOf(store: ObjectStore, { source, systemId }: FetchFlags): Promise<string> {
  const { isSystemId, walPrefix } = await import('../../core/wal/wal-keys.ts')
  if (systemId !== undefined && isSystemId(systemId)) return systemId
  if (systemId !== undefined)
    throw new HoldfastError('invalid-input', '--system-id is no system identifier', {
      hint: 'pass what `pg_controldata` prints as the database system identifier',
    })
  const clusters = (await store.listFolders(walPrefix(source))).filter(isSystemId)
  if (clusters.length === 1) return clusters[0]!
  if (clusters.length === 0)
    throw new HoldfastError('not-found', `${store.name} has no WAL of ${source}`, {
      hint: 'check --source and the vault: a source that never pushed has none',
    })
  throw new HoldfastError('ambiguous', `${source} has WAL of ${clusters.length} clusters`, {
    hint: 'name one with --system-id, as `pg_controldata` prints it',
    context: { clusters },
  })
}

/** PostgreSQL never sees a part of a file. */
function writeWhole(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.holdfast-${process.pid}`
  try {
    writeFileSync(temporary, bytes, { flag: 'wx', mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC'
    throw new HoldfastError(
      isFull ? 'disk-full' : 'target',
      `${path} can't be written: ${(error as Error).message}`,
      {
        hint: 'PostgreSQL gives the path %p below its data directory: run the command as it does',
        cause: error,
      },
    )
  }
}
