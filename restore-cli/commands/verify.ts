// `holdfast verify`: can this snapshot be restored, and if not, what can't.
import { HoldfastError } from '../../core/errors.ts'
import { dayMs } from '../../core/snapshot/retention.ts'
import type { ReadShare, VerifyResult } from '../../engine/operations.ts'
import { verify } from '../../engine/verify.ts'
import { withVault } from '../open-vault.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { renderVerify, verifyRecord } from '../render/verify-report.ts'
import { chooseSnapshot } from '../snapshot-choice.ts'
import type { SnapshotFlags } from '../snapshot-choice.ts'
import { resolveVault } from '../vault-options.ts'
import type { VaultFlags } from '../vault-options.ts'

/** @throws `damaged` after the report, if anything is lost, damaged or not locked as it should be. */
export async function runVerify(
  flags: VaultFlags & SnapshotFlags & { readData?: boolean; readShare?: number },
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const address = resolveVault(flags, 'verify', (configuration) => configuration.roles.restorer)
  await withVault(address, invocation.signal, async (vault) => {
    const choice = await chooseSnapshot(vault.store, flags)
    const progress = output.progress()
    try {
      const share =
        flags.readShare === undefined
          ? undefined
          : shareOfToday(flags.readShare, vault.store.serverTimeMs ?? vault.clock.nowMs())
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
        ...verifyRecord(result, choice, flags.readData ?? false, share),
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

/** Another part every day, by the store's clock: whoever verifies daily has read everything after `of` days. */
function shareOfToday(of: number, nowMs: number): ReadShare {
  return { part: Math.floor(nowMs / dayMs) % of, of }
}

function assertSound({ objects, files }: VerifyResult, id: string): void {
  if (objects.length === 0 && files.length === 0) return
  const context = { snapshot: id, objects: objects.length, files: files.length }
  if (files.length === 0 && objects.every(({ kind }) => kind === 'unlocked')) {
    throw new HoldfastError(
      'vault-unsafe',
      `the snapshot ${id} is whole, but not locked: ${countOf(objects.length, 'object')} could be deleted`,
      {
        hint: 'back up to a bucket whose Object Lock has a default retention, as `pulumi up` makes it',
        context,
      },
    )
  }
  throw new HoldfastError(
    'damaged',
    `the snapshot ${id} is damaged: ${countOf(objects.length, 'object')} and ${countOf(files.length, 'file')}`,
    {
      hint: 'everything else of it can be restored; `holdfast snapshots` lists the others',
      context,
    },
  )
}
