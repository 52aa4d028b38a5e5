// `holdfast snapshots`: lists the recovery points.
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { notaryKeyOption, sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { renderSnapshotProblems, snapshotProblemsRecord } from '../render/snapshot-problems.ts'
import { countOf } from '../render/figures.ts'
import { SnapshotTable, snapshotRecord } from '../render/snapshot-table.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface SnapshotsFlags extends VaultFlags {
  problems?: string
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('List the recovery points of the vault, oldest first.')
    .addOption(sourceOption('only this source'))
    .addOption(notaryKeyOption())
    .option('--problems <id>', 'list what this snapshot lacks, and what no restore of it brings back')
    .addHelpText(
      'after',
      `
Examples:
  holdfast snapshots --bucket my-vault
  holdfast snapshots --bucket my-vault --source rental-db --json | jq -r .time
  holdfast snapshots --bucket my-vault --source rental-db --problems 01KR5PJ0ZBFTW9W5W4FKB1NGJZ
`,
    )
    .action(() => showSnapshots(command.opts(), invocation))
  addVaultOptions(command)
}

async function showSnapshots(flags: SnapshotsFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'snapshots',
    roleOf: ({ roles }) => roles.restorer,
  })
  if (flags.source !== undefined) assertSourceName(flags.source)
  if (flags.problems !== undefined) return await showProblems(flags.problems, { flags, address, invocation })
  const { listSnapshots, listSources } = await import('../../core/snapshot/snapshot.ts')
  const { SnapshotReceipts } = await import('../../core/snapshot/snapshot-receipts.ts')
  const { readManifests } = await import('../../core/snapshot/snapshot-manifests.ts')
  await withVault(
    address,
    invocation.signal,
    async ({ store, signal }) => {
      const sources = flags.source === undefined ? await listSources(store) : [flags.source]
      const table = new SnapshotTable(sources)
      let count = 0
      for (const source of sources) {
        const progress = output.progress()
        const list = await listSnapshots(store, source, (versions) =>
          progress.update(`${countOf(versions, 'version')} of ${source} listed`, { versions }),
        ).finally(progress.stop)
        const receipts =
          address.trustedKeys && (await SnapshotReceipts.open(store, source, address.trustedKeys))
        for await (const snapshot of readManifests(store, list, signal)) {
          if (count++ === 0) output.text(table.head)
          const receipt = receipts && (await receipts.of(snapshot.ref))
          output.record('snapshot', snapshotRecord(snapshot, receipt))
          output.text(table.row(snapshot, receipt))
          // The reader may be slow, or gone: `holdfast snapshots | head`.
          if (!(await output.hasRoom())) return
        }
      }
      if (count > 0) return
      const searched = flags.source === undefined ? store.name : `the source ${flags.source} in ${store.name}`
      throw new HoldfastError('no-recovery-point', `there is no snapshot of ${searched}`, {
        hint: 'check the names of the bucket and of the source',
      })
    },
    output,
  )
}

/** @throws `not-found` if no such snapshot exists. */
async function showProblems(
  id: string,
  {
    flags,
    address,
    invocation,
  }: { flags: SnapshotsFlags; address: Awaited<ReturnType<typeof resolveVault>>; invocation: Invocation },
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  const { problemsOf } = await import('../../core/snapshot/snapshot-problems.ts')
  await withVault(
    address,
    invocation.signal,
    async ({ store, clock }) => {
      const { source } = flags
      const request = source === undefined ? { snapshot: id } : { source, snapshot: id }
      const { snapshot } = await chooseSnapshot(store, request, clock)
      const problems = problemsOf(snapshot.manifest)
      output.record('snapshot-problems', snapshotProblemsRecord(snapshot, problems))
      output.text(renderSnapshotProblems(snapshot, problems))
    },
    output,
  )
}
