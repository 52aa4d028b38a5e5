// `holdfast retire`: where a vault's retirement stands, and what comes next. It never deletes anything.
import { withVault } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { countOf } from '../render/figures.ts'
import { renderRetirement, retirementRecord } from '../render/retirement-report.ts'
import { examineRetirement } from '../retirement.ts'
import { resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

const dayMs = 86_400_000
const defaultQuietDays = 3

export async function runRetire(
  flags: VaultFlags & { quietDays?: number },
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = resolveVault(flags, 'retire', (configuration) => configuration.roles.restorer)
  await withVault(address, invocation.signal, async ({ store, signal }) => {
    const progress = output.progress()
    try {
      const retirement = await examineRetirement(
        store,
        (flags.quietDays ?? defaultQuietDays) * dayMs,
        signal,
        (versions) => progress.update(`${countOf(versions, 'version')} looked at`, { versions }),
      )
      progress.stop()
      output.record('retirement', { ...retirementRecord(retirement, store.name), requests: store.requests })
      output.text(renderRetirement(retirement, store.name))
    } finally {
      progress.stop()
    }
  })
}
