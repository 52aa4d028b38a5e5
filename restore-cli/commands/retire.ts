// `holdfast retire`: shows how far a vault is from being retired, and the next step. It never deletes anything.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { countOf } from '../render/figures.ts'
import { renderRetirement, retirementRecord } from '../render/retirement-report.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface RetireFlags extends VaultFlags {
  quietDays?: number
}

const dayMs = 86_400_000
const defaultQuietDays = 3

export function declare(command: Command, invocation: Invocation): void {
  command
    .description('Show how far a vault is from being retired, and the next step. Never deletes anything.')
    .addOption(
      new Option(
        '--quiet-days <n>',
        'writers count as stopped after so many days without a write (default: 3)',
      ).argParser(wholeNumber),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast retire --bucket my-vault
  holdfast retire --config vault.json --json | jq -r .lastLockEnds

Reads the lock of every version: one request each.
`,
    )
    .action(() => showRetirement(command.opts(), invocation))
  addVaultOptions(command)
}

async function showRetirement(flags: RetireFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'retire',
    roleOf: ({ roles }) => roles.restorer,
  })
  const { readRetirement } = await import('../../engine/retirement.ts')
  await withVault(address, invocation.signal, async ({ store, signal }) => {
    const progress = output.progress()
    try {
      const retirement = await readRetirement(store, {
        quietMs: (flags.quietDays ?? defaultQuietDays) * dayMs,
        signal,
        onProgress: (versions) => progress.update(`${countOf(versions, 'version')} looked at`, { versions }),
      })
      progress.stop()
      output.record('retirement', { ...retirementRecord(retirement, store.name), requests: store.requests })
      output.text(renderRetirement(retirement, store.name))
    } finally {
      progress.stop()
    }
  })
}
