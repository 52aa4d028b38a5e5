// `holdfast ls`: lists a directory of a snapshot, without a restore.
import type { Command } from 'commander'
import { timeText } from '../../core/time-text.ts'
import type { TreeEntry } from '../../core/tree/tree-entry.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { entryHead, entryRecord, entryRow } from '../render/entry-text.ts'
import { parseSnapshotArgument, snapshotArgumentHelp } from '../snapshot-argument.ts'
import { parseTreePath } from '../tree-path.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface ListFlags extends VaultFlags {
  recursive?: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('List a directory of a snapshot: modes, sizes, times and paths.')
    .argument('<snapshot>', snapshotArgumentHelp)
    .argument('[path]', "below the source's root; \\xNN stands for a byte (default: the root)")
    .addOption(sourceOption("the source (default: the vault's only source)"))
    .option('-r, --recursive', 'also what lies deeper')
    .addHelpText(
      'after',
      `
Examples:
  holdfast ls latest --bucket my-vault
  holdfast ls 01KR5PJ0ZBFTW9W5W4FKB1NGJZ uploads/2026 --bucket my-vault --source rental-db
  holdfast ls 2026-04-24T10:15:00Z --recursive --bucket my-vault --json | jq -r .path

Reads only the part of the snapshot's tree in which the directory lies. \`restore\` takes the paths as they are shown.
`,
    )
    .action((snapshot: string, path: string | undefined) => list(snapshot, path, command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `not-found` for a snapshot or a path that isn't there. */
async function list(
  snapshotText: string,
  directory: string | undefined,
  flags: ListFlags,
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const request = parseSnapshotArgument(snapshotText, flags.source)
  const path = directory === undefined || directory === '.' ? Buffer.alloc(0) : parseTreePath(directory)
  const address = await resolveVault(flags, { command: 'ls', roleOf: ({ roles }) => roles.restorer })
  const { listEntries } = await import('../../core/browse/directory-listing.ts')
  const { TreeChunks } = await import('../../core/browse/tree-chunks.ts')
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  await withVault(
    address,
    invocation.signal,
    async ({ store, clock, signal }) => {
      const { snapshot } = await output.during('listing the snapshots', () =>
        chooseSnapshot(store, request, clock, signal),
      )
      const { manifest, source, id, timeMs } = snapshot
      const chunks = new TreeChunks(store).of(manifest)
      const root = Buffer.from(manifest.tree.root, 'hex')
      const options = { path, recursive: flags.recursive ?? false }
      let entries = 0
      for await (const some of listEntries(chunks, root, options)) {
        signal.throwIfAborted()
        if (entries === 0) output.text(`${source}, snapshot ${id} of ${timeText(timeMs)}\n${entryHead}`)
        entries += some.length
        show(some)
        // The reader may be slow, or gone: `holdfast ls | head`.
        if (!(await output.hasRoom())) return
      }
      if (entries === 0) output.text('The directory is empty.\n')
      const figures = { source, snapshot: id, asOf: timeText(timeMs), entries, requests: store.requests }
      output.record('listing', figures)
    },
    output,
  )

  function show(entries: readonly TreeEntry[]): void {
    if (output.json) for (const entry of entries) output.record('entry', entryRecord(entry))
    else output.text(entries.map(entryRow).join(''))
  }
}
