// `holdfast restore`, also installed as `restore`: shows the plan, restores, and reports what was restored and what
// is missing.
import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { SnapshotRequest } from '../../core/snapshot/snapshot-choice.ts'
import { parsePathText } from '../../core/tree/path-text.ts'
import type { RestoreResult, TreePath } from '../../engine/operations.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { pointInTimeOption, snapshotOption, sourceOption } from '../options.ts'
import { makeOutput } from '../output.ts'
import { bytesText, countOf, countText } from '../render/figures.ts'
import { planRecord, renderPlan, renderRestored, restoredRecord } from '../render/restore-report.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface RestoreFlags extends VaultFlags, SnapshotRequest {
  target: string
  specialBits?: boolean
  dryRun?: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  const name = invocation.bin === 'restore' ? 'restore' : 'holdfast restore'
  command
    .description('Restore the state of a source at a point in time, into a new or empty directory.')
    .argument(
      '[paths...]',
      "only these, below the source's root; \\xNN stands for a byte (default: everything)",
    )
    .addOption(pointInTimeOption())
    .addOption(sourceOption("the source to restore (default: the vault's only source)"))
    .addOption(snapshotOption())
    .addOption(
      new Option(
        '--target <dir>',
        'the directory to restore into: new, empty, or left by an interrupted restore',
      ).makeOptionMandatory(),
    )
    .option('--special-bits', 'restore setuid, setgid and sticky bits too')
    .option('--dry-run', 'show the plan, write nothing')
    .addHelpText(
      'after',
      `
Examples:
  ${name} --point-in-time 2026-04-24T10:15:00Z --target /restore --bucket my-vault
  ${name} --target /restore --bucket my-vault --source rental-db uploads/2026 config.json
  ${name} --target /restore --bucket my-vault --dry-run

Restores the newest state at or before the point in time, and reports how much time is missing up to it.
After an interruption, run the same command again to go on.
`,
    )
    .action((paths: string[]) => restore(paths, command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `damaged` after it restored and reported everything else, if the vault has lost data of the snapshot. */
async function restore(
  pathTexts: readonly string[],
  flags: RestoreFlags,
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'restore',
    roleOf: ({ roles }) => roles.restorer,
  })
  const paths = pathTexts.map(parseTreePath)
  const target = resolve(flags.target)
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  const { prepareRestore } = await import('../../engine/restore/restore.ts')
  await withVault(address, invocation.signal, async (vault) => {
    const choice = await chooseSnapshot(vault.store, flags, vault.clock)
    const subject = { choice, paths, target, vault: vault.store.name }
    const specialBits = flags.specialBits ?? false
    const { plan, run } = await prepareRestore({
      ...vault,
      snapshot: choice.snapshot,
      target,
      paths,
      specialBits,
    })
    output.record('plan', planRecord(plan, subject))
    output.text(renderPlan(plan, subject))
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
      output.record('restore', { ...restoredRecord(result, subject), requests: vault.store.requests })
      output.text(renderRestored(result, subject))
      assertComplete(result, choice.snapshot.id)
    } finally {
      progress.stop()
    }
  })
}

function assertComplete({ damaged }: RestoreResult, id: string): void {
  if (damaged.length === 0) return
  throw new HoldfastError(
    'damaged',
    `${countOf(damaged.length, 'entry', 'entries')} could not be restored: the vault has lost or damaged their bytes`,
    {
      hint: 'everything else was restored and verified; an older snapshot may still have them (`holdfast snapshots`)',
      context: { snapshot: id, damaged: damaged.length },
    },
  )
}

/** The bytes of a path below the source's root. @throws `invalid-input` for an absolute path, or one with `..`. */
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
  throw new HoldfastError('invalid-input', `${JSON.stringify(text)} is not a path below the source's root`, {
    hint: 'name it relative to the directory that was backed up, e.g. `uploads/2026`; leave it out to restore everything',
  })
}
