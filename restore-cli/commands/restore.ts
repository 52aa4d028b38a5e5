// `holdfast restore`: the plan first, then the data, then what was brought back and what is missing.
import { resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { parsePathText } from '../../core/tree/path-text.ts'
import type { TreePath } from '../../engine/operations.ts'
import { prepareRestore } from '../../engine/restore/restore.ts'
import { withVault } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { bytesText, countOf, countText } from '../render/figures.ts'
import { planRecord, renderPlan, renderRestored, restoredRecord } from '../render/restore-report.ts'
import { chooseSnapshot } from '../snapshot-choice.ts'
import type { SnapshotFlags } from '../snapshot-choice.ts'
import { resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

export interface RestoreFlags extends VaultFlags, SnapshotFlags {
  target: string
  specialBits?: boolean
  dryRun?: boolean
}

/** @throws `damaged` after everything else was restored and reported, if the vault has lost something of the snapshot. */
export async function runRestore(
  pathTexts: readonly string[],
  flags: RestoreFlags,
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = resolveVault(flags, 'restore', (configuration) => configuration.roles.restorer)
  const paths = pathTexts.map(parseTreePath)
  const target = resolve(flags.target)
  await withVault(address, invocation.signal, async (vault) => {
    const choice = await chooseSnapshot(vault.store, flags)
    const what = { choice, paths, target, vault: vault.store.name }
    const options = {
      ...vault,
      snapshot: choice.snapshot,
      target,
      paths,
      specialBits: flags.specialBits ?? false,
    }
    const { plan, run } = await prepareRestore(options)
    output.record('plan', planRecord(plan, what))
    output.text(renderPlan(plan, what))
    if (flags.dryRun === true) return output.text('Dry run: nothing was written.\n')
    const progress = output.progress()
    try {
      const result = await run((figures) =>
        progress.update(
          `${countText(figures.files)} of ${countOf(plan.files, 'file')}, ${bytesText(figures.bytesResumed + figures.bytesWritten)} of ${bytesText(plan.bytes)}`,
          { ...figures, filesTotal: plan.files, bytesTotal: plan.bytes },
        ),
      )
      progress.stop()
      output.record('restore', { ...restoredRecord(result, what), requests: vault.store.requests })
      output.text(renderRestored(result, what))
      if (result.damaged.length > 0) {
        throw new HoldfastError(
          'damaged',
          `${countOf(result.damaged.length, 'entry', 'entries')} could not be restored: the vault has lost or damaged their bytes`,
          {
            hint: 'the rest was restored and verified; an older snapshot may still have them (`holdfast snapshots`)',
            context: { snapshot: choice.snapshot.id, damaged: result.damaged.length },
          },
        )
      }
    } finally {
      progress.stop()
    }
  })
}

/** A path below the source's root, as its bytes. */
function parseTreePath(text: string): TreePath {
  const trimmed = text.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '')
  const parts = trimmed.split('/')
  if (
    trimmed !== '' &&
    trimmed !== '.' &&
    !text.startsWith('/') &&
    !parts.some((part) => part === '' || part === '.' || part === '..')
  ) {
    return parsePathText(trimmed)
  }
  throw new HoldfastError('invalid-input', `${JSON.stringify(text)} is no path below the source's root`, {
    hint: 'name it as it lies below the directory that was backed up, e.g. `uploads/2026`; leave it out to restore everything',
  })
}
