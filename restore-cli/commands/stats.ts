// `holdfast stats`: how many snapshots a vault holds, how large they are, and what they take.
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { timeText } from '../../core/time-text.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { bytesText, countOf, countText, rows } from '../render/figures.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Show for each source how many snapshots there are, how large they are, and what they take.')
    .addOption(sourceOption('only this source'))
    .addHelpText(
      'after',
      `
Examples:
  holdfast stats --bucket my-vault
  holdfast stats --bucket my-vault --source rental-db --json

Reads the manifests alone. \`stored\` counts each pack that a snapshot needs once; it doesn't count packs that no
snapshot needs any more.
`,
    )
    .action(() => showStats(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `no-recovery-point` for a vault, or a source, without a snapshot. */
async function showStats(flags: VaultFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, { command: 'stats', roleOf: ({ roles }) => roles.restorer })
  const { readSourceStats } = await import('../../core/browse/source-stats.ts')
  const { listSources } = await import('../../core/snapshot/snapshot.ts')
  const { assertSourceName } = await import('../../core/store/vault-keys.ts')
  if (flags.source !== undefined) assertSourceName(flags.source)
  await withVault(
    address,
    invocation.signal,
    async ({ store, signal }) => {
      const sources = flags.source === undefined ? await listSources(store) : [flags.source]
      let count = 0
      for (const source of sources) {
        const stats = await output.during(`reading the manifests of ${source}`, () =>
          readSourceStats(store, source, signal),
        )
        if (stats === null) continue
        count++
        const { firstMs, lastMs, newest, ...figures } = stats
        const times = { first: timeText(firstMs), last: timeText(lastMs) }
        output.record('source-stats', { source, ...times, ...figures, newest })
        output.text(
          `${source}\n${rows([
            ['snapshots', `${countText(stats.snapshots)}, from ${times.first} to ${times.last}`],
            ...(stats.unusable === 0 ? [] : [['unusable', countOf(stats.unusable, 'manifest')] as const]),
            [
              'newest',
              newest === null ? 'none' : `${countOf(newest.files, 'file')}, ${bytesText(newest.bytes)}`,
            ],
            ['all', `${bytesText(stats.bytes)} if each snapshot were restored`],
            ['stored', `${bytesText(stats.storedBytes)} in ${countOf(stats.packs, 'pack')}`],
          ])}`,
        )
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
