// `holdfast verify`: checks whether a snapshot can be restored, and names the files that can't be.
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import type { SnapshotRequest } from '../../core/snapshot/snapshot-choice.ts'
import type { VerifyResult } from '../../engine/operations.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import { pointInTimeOption, snapshotOption, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { renderVerify, verifyRecord } from '../render/verify-report.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

interface VerifyFlags extends VaultFlags, SnapshotRequest {
  readData?: boolean
  readShare?: number
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description("Check that a snapshot can be restored, and name every file that can't.")
    .addOption(sourceOption("the source to verify (default: the vault's only source)"))
    .addOption(snapshotOption())
    .addOption(pointInTimeOption())
    .option('--read-data', 'fetch and re-hash every byte (default: look at every object and read the tree)')
    .addOption(
      new Option('--read-share <n>', 'fetch and re-hash one of n shares, each day the next one')
        .argParser(parseShares)
        .conflicts('readData'),
    )
    .addHelpText(
      'after',
      `
Examples:
  holdfast verify --bucket my-vault
  holdfast verify --bucket my-vault --source rental-db --read-share 7
  holdfast verify --bucket my-vault --source rental-db --read-data

Ends with 4 if something is lost or damaged.
`,
    )
    .action(() => verifySnapshot(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws `InvalidArgumentError` unless it is 2 to 365. */
function parseShares(text: string): number {
  const shares = wholeNumber(text)
  if (shares < 2 || shares > 365) throw new InvalidArgumentError('It is not from 2 to 365.')
  return shares
}

/** @throws `damaged` after the report, if anything is lost or damaged; `vault-unsafe` if it is only not locked. */
async function verifySnapshot(flags: VerifyFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = await resolveVault(flags, {
    command: 'verify',
    roleOf: ({ roles }) => roles.restorer,
  })
  const { chooseSnapshot } = await import('../../core/snapshot/snapshot-choice.ts')
  const { shareOfDay } = await import('../../engine/read-share.ts')
  const { verify } = await import('../../engine/verify.ts')
  await withVault(address, invocation.signal, async (vault) => {
    const choice = await chooseSnapshot(vault.store, flags, vault.clock)
    const progress = output.progress()
    try {
      const share =
        flags.readShare === undefined
          ? undefined
          : shareOfDay(flags.readShare, vault.store.serverTimeMs ?? vault.clock.nowMs())
      const readData = flags.readData ?? share !== undefined
      const result = await verify({
        ...vault,
        snapshot: choice.snapshot,
        readData,
        ...(share === undefined ? {} : { share }),
        onProgress: (figures) =>
          progress.update(
            `${figures.packs} of ${countOf(figures.packsTotal, 'pack')} verified${readData ? `, ${bytesText(figures.bytesRead)} read` : ''}`,
            { ...figures },
          ),
      })
      progress.stop()
      output.record('verify', {
        ...verifyRecord(result, { choice, readData: flags.readData ?? false, share }),
        vault: vault.store.name,
        requests: vault.store.requests,
      })
      output.text(renderVerify(result, choice, readData))
      assertSound(result, choice.snapshot.id)
    } finally {
      progress.stop()
    }
  })
}

function assertSound({ objects, files }: VerifyResult, id: string): void {
  if (objects.length === 0 && files.length === 0) return
  const context = { snapshot: id, objects: objects.length, files: files.length }
  if (files.length === 0 && objects.every(({ kind }) => kind === 'unlocked')) {
    throw new HoldfastError(
      'vault-unsafe',
      `the snapshot ${id} is intact but not locked: ${countOf(objects.length, 'object')} could be deleted`,
      {
        hint: 'back up to a bucket whose Object Lock has a default retention: `pulumi up` creates one',
        context,
      },
    )
  }
  throw new HoldfastError(
    'damaged',
    `the snapshot ${id} is damaged: ${countOf(objects.length, 'object')} and ${countOf(files.length, 'file')}`,
    {
      hint: 'its other files can be restored; `holdfast snapshots` lists the other snapshots',
      context,
    },
  )
}
