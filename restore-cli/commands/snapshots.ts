// `holdfast snapshots`: lists the recovery points.
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { ListedSnapshot } from '../../core/snapshot/snapshot-manifests.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { renderSnapshots, snapshotRecord } from '../render/snapshot-table.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('List the recovery points of the vault, oldest first.')
    .addOption(sourceOption('only this source'))
    .addHelpText(
      'after',
      `
Examples:
  holdfast snapshots --bucket my-vault
  holdfast snapshots --bucket my-vault --source rental-db --json | jq -r .time
`,
    )
    .action(() => showSnapshots(command.opts(), invocation))
  addVaultOptions(command)
}

async function showSnapshots(flags: VaultFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'snapshots',
    roleOf: ({ roles }) => roles.restorer,
  })
  if (flags.source !== undefined) assertSourceName(flags.source)
  const { listSnapshots, listSources } = await import('../../core/snapshot/snapshot.ts')
  const { readManifests } = await import('../../core/snapshot/snapshot-manifests.ts')
  await withVault(address, invocation.signal, async ({ store, signal }) => {
    const sources = flags.source === undefined ? await listSources(store) : [flags.source]
    const snapshots: ListedSnapshot[] = []
    for (const source of sources)
      snapshots.push(...(await readManifests(store, await listSnapshots(store, source), signal)))
    if (snapshots.length === 0) {
      const searched = flags.source === undefined ? store.name : `the source ${flags.source} in ${store.name}`
      throw new HoldfastError('no-recovery-point', `there is no snapshot of ${searched}`, {
        hint: 'check the names of the bucket and of the source',
      })
    }
    for (const snapshot of snapshots) output.record('snapshot', snapshotRecord(snapshot))
    output.text(renderSnapshots(snapshots))
  })
}
