// `holdfast diff`: shows which entries two snapshots of a source have differently.
import type { Command } from 'commander'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { timeText } from '../../core/time-text.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { ChangeCount, changeRecord, changeRow } from '../render/change-text.ts'
import { parseSnapshotArgument, snapshotArgumentHelp } from '../snapshot-argument.ts'
import { parseTreePath } from '../tree-path.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Show what changed between two snapshots: paths, sizes, times, modes and owners.')
    .argument('<before>', snapshotArgumentHelp)
    .argument('<after>', snapshotArgumentHelp)
    .argument('[path]', "only below this path; \\xNN stands for a byte (default: the source's root)")
    .addOption(sourceOption("the source (default: the vault's only source)"))
    .addHelpText(
      'after',
      `
Examples:
  holdfast diff 2026-04-24T10:00:00Z latest --bucket my-vault
  holdfast diff 01KR5PJ0ZBFTW9W5W4FKB1NGJZ latest uploads --bucket my-vault --source rental-db

Reads only the parts of both trees that differ. It compares the digests of contents, and reads no content.
`,
    )
    .action((before: string, after: string, path: string | undefined) =>
      compare({ before, after, path }, command.opts(), invocation),
    )
  addVaultOptions(command)
}

/** @throws `not-found` for a snapshot that isn't there. */
async function compare(
  texts: { before: string; after: string; path: string | undefined },
  flags: VaultFlags,
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const requests = [texts.before, texts.after].map((text) => parseSnapshotArgument(text, flags.source))
  const paths = texts.path === undefined ? [] : [parseTreePath(texts.path)]
  const address = await resolveVault(flags, { command: 'diff', roleOf: ({ roles }) => roles.restorer })
  const { compareTrees } = await import('../../core/browse/tree-comparison.ts')
  const { TreeChunks } = await import('../../core/browse/tree-chunks.ts')
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  const { isAtOrBelow, selectPaths } = await import('../../core/tree/tree.ts')
  await withVault(
    address,
    invocation.signal,
    async ({ store, clock, signal }) => {
      const choose = async (index: number): Promise<Snapshot> =>
        (await chooseSnapshot(store, requests[index]!, clock, signal)).snapshot
      const [before, after] = await output.during('listing the snapshots', async () => [
        await choose(0),
        await choose(1),
      ])
      const chunks = new TreeChunks(store)
      const treeOf = ({ manifest }: Snapshot) => ({
        chunks: chunks.of(manifest),
        root: Buffer.from(manifest.tree.root, 'hex'),
      })
      const counts = new ChangeCount()
      output.text(`${after.source}: from ${nameOf(before)} to ${nameOf(after)}\n`)
      for await (const change of compareTrees(treeOf(before), treeOf(after), selectPaths(paths))) {
        signal.throwIfAborted()
        if (paths.length > 0 && !isAtOrBelow(change.path, paths[0]!)) continue
        counts.add(change)
        output.record('change', changeRecord(change))
        output.text(changeRow(change))
        if (!(await output.hasRoom())) return
      }
      const ids = { source: after.source, before: before.id, after: after.id }
      output.record('diff', { ...ids, ...counts.record, requests: store.requests })
      output.text(counts.isEmpty ? 'Nothing changed.\n' : `${counts.text}\n`)
    },
    output,
  )
}

function nameOf({ id, timeMs }: Snapshot): string {
  return `${id} of ${timeText(timeMs)}`
}
