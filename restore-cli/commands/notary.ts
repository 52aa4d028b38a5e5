// `holdfast notary`: attests what is new in the vault, with a signed receipt for each snapshot.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { NotaryOptions, NotaryResult } from '../../checks/notary/notary.ts'
import type { WalNotaryResult } from '../../checks/notary/wal/wal-notary.ts'
import { HoldfastError } from '../../core/errors.ts'
import { assertSourceName } from '../../core/store/vault-keys.ts'
import { notaryKeyAlias } from '../../guardrails/names.ts'
import type { Invocation } from '../invocation.ts'
import { withVault } from '../open-vault.ts'
import type { OpenSession } from '../open-vault.ts'
import { defaultPromiseDays, notaryKeyOption, sourceOption, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import { bytesText } from '../render/figures.ts'
import {
  countsOf,
  isWalAttested,
  notaryRecord,
  receiptLine,
  renderNotary,
  renderWalReceipt,
  walReceiptRecord,
} from '../render/notary-report.ts'
import type { NotaryCounts } from '../render/notary-report.ts'
import { receiptRecord } from '../render/receipt-text.ts'
import { toolVersion } from '../tool-version.ts'
import { addVaultOptions, resolveVault } from '../vault-options.ts'
import type { VaultAddress, VaultFlags } from '../vault-options.ts'

interface NotaryFlags extends VaultFlags {
  signingKey: string
  promiseDays?: number
  accept?: string[]
  again?: boolean
  feedbackBucket?: string
}

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      'Attest what is new in the vault: a signed receipt for each snapshot, and feedback to its writer.',
    )
    .addOption(sourceOption('only this source (default: all sources of the vault)'))
    .option('--accept <id...>', 'accept the flags of these snapshots: they count as good')
    .option('--again', 'examine the newest snapshot of each source although it is attested')
    .addOption(
      new Option(
        '--promise-days <n>',
        "how long each snapshot must be locked (default: the configuration's days, or 30)",
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option('--signing-key <name>', "id, ARN or alias of the key in KMS, in the vault's region")
        .env('HOLDFAST_SIGNING_KEY')
        .default(notaryKeyAlias),
    )
    .addOption(notaryKeyOption())
    .option('--feedback-bucket <name>', "bucket of the feedback (default: the one beside the vault's bucket)")
    .addHelpText(
      'after',
      `
Examples:
  holdfast notary --config vault.json
  holdfast notary --config vault.json --source rental-db --accept 01KR5PJ0ZBFTW9W5W4FKB1NGJZ

Reads every new pack and WAL part once, and asks only for what is new.
Ends with 4 if something of a snapshot is lost or damaged, with 9 if only locks are weaker than guaranteed, with 14 if
a snapshot or WAL is flagged or waits for the next run, or a receipt can't be trusted.
`,
    )
    .action(() => attestVault(command.opts(), invocation))
  addVaultOptions(command)
}

/** @throws after the report: `damaged`, `vault-unsafe`, `objective-missed`. */
async function attestVault(flags: NotaryFlags, invocation: Invocation): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  if (flags.source !== undefined) assertSourceName(flags.source)
  if (flags.accept !== undefined && flags.source === undefined)
    throw new HoldfastError('invalid-input', '--accept needs --source', {
      hint: 'pass the source of the snapshots with --source',
    })
  const address = await resolveVault(flags, { command: 'notary', roleOf: ({ roles }) => roles.notary })
  const { listSources } = await import('../../core/snapshot/snapshot.ts')
  await withVault(
    address,
    invocation.signal,
    async (vault) => {
      const notary = await openNotary(vault, flags, address)
      const sources = flags.source === undefined ? await listSources(vault.store) : [flags.source]
      const total: NotaryCounts & WalCounts = { ...noSnapshots, walFlagged: 0, walIncomplete: 0 }
      for (const source of sources) {
        const progress = output.progress(`listing the snapshots of ${source}`)
        const onProgress = (bytesRead: number) =>
          progress.update(`${source}: ${bytesText(bytesRead)} read`, { bytesRead })
        const result = await notary.attest(source, onProgress).finally(progress.stop)
        const wal = await notary.attestWal(source, onProgress).finally(progress.stop)
        report(result, wal, { output, vault })
        const counts = countsOf(result)
        for (const name of Object.keys(counts) as (keyof NotaryCounts)[]) total[name] += counts[name]
        if (wal === null) continue
        total.walFlagged += wal.receipt.flagCount
        total.walIncomplete += isWalAttested(wal) ? 0 : 1
      }
      assertAttested(total)
    },
    output,
  )
}

const noSnapshots: NotaryCounts = {
  attested: 0,
  refused: 0,
  unlocked: 0,
  flagged: 0,
  waiting: 0,
  rejected: 0,
}

interface WalCounts {
  walFlagged: number
  /** Sources whose WAL is flagged, waits, or has a receipt that can't be trusted. */
  walIncomplete: number
}

function report(
  result: NotaryResult,
  wal: WalNotaryResult | null,
  { output, vault }: { output: Output; vault: OpenSession },
): void {
  const { source } = result
  for (const { ref, receipt } of result.receipts) {
    output.record('receipt', { source, snapshot: ref.id, ...receiptRecord(receipt) })
    output.text(receiptLine(result, ref, receipt))
  }
  if (wal !== null) {
    output.record('wal-receipt', walReceiptRecord(wal))
    output.text(renderWalReceipt(wal))
  }
  const record = notaryRecord(result)
  // An alarm counts this record, and so it stands for the WAL too.
  const ok = record['ok'] === true && (wal === null || isWalAttested(wal))
  output.record('notary', { ...record, ok, vault: vault.store.name, requests: vault.store.requests })
  output.text(renderNotary(result))
}

interface OpenNotary {
  attest(source: string, onProgress: (bytesRead: number) => void): Promise<NotaryResult>
  /** Null for a source without WAL. */
  attestWal(source: string, onProgress: (bytesRead: number) => void): Promise<WalNotaryResult | null>
}

async function openNotary(
  vault: OpenSession,
  { signingKey, promiseDays, accept, again, feedbackBucket }: NotaryFlags,
  address: VaultAddress,
): Promise<OpenNotary> {
  const { notarize } = await import('../../checks/notary/notary.ts')
  const { notarizeWal } = await import('../../checks/notary/wal/wal-notary.ts')
  const { TrustedKeys } = await import('../../core/signature.ts')
  const signer = await vault.openSigner(signingKey)
  const keys = address.trustedKeys ?? TrustedKeys.parse(signer.publicKeyPem, signingKey)
  // Else a new key behind the alias would sign receipts that no reader believes.
  if (!keys.ids.includes(signer.keyId))
    throw new HoldfastError('vault-unsafe', `${signingKey} is not the key that readers of receipts trust`, {
      hint: 'compare the key in KMS with the public key of the toolkit; look in the audit trail for who changed the alias',
      context: { keyId: signer.keyId, trusted: keys.ids },
    })
  const bucket = feedbackBucket ?? address.feedbackBucket
  const feedback = bucket === null ? null : await vault.openFeedback(bucket)
  const options = (source: string, onProgress: NotaryOptions['onProgress']): NotaryOptions => ({
    ...vault,
    source,
    signer,
    keys,
    feedback,
    guaranteedDays: promiseDays ?? address.promiseDays ?? defaultPromiseDays,
    accept: accept ?? [],
    again: again ?? false,
    toolVersion: toolVersion(),
    onProgress,
  })
  return {
    attest: (source, onProgress) => notarize(options(source, onProgress)),
    attestWal: (source, onProgress) => notarizeWal(options(source, onProgress)),
  }
}

function assertAttested(counts: NotaryCounts & WalCounts): void {
  const { refused, unlocked, flagged, waiting, rejected, walFlagged, walIncomplete } = counts
  const context = { refused, unlocked, flagged, waiting, rejected, walFlagged }
  if (refused > unlocked)
    throw new HoldfastError('damaged', `the notary refuses ${refused} snapshots`, {
      hint: 'the receipts above have the reasons; the next backup of the source uploads again what is lost',
      context,
    })
  if (unlocked > 0)
    throw new HoldfastError(
      'vault-unsafe',
      `${unlocked} snapshots are intact, and not locked as guaranteed`,
      {
        hint: "compare the bucket's default retention with --promise-days; the next backup uploads again what is locked too shortly",
        context,
      },
    )
  if (flagged + waiting + rejected > 0)
    throw new HoldfastError(
      'objective-missed',
      `${flagged} snapshots are flagged, ${waiting} wait for the next run, and ${rejected} receipts can't be trusted`,
      {
        hint: 'look at each flagged snapshot; if it is what you expect, pass its id to --accept',
        context,
      },
    )
  if (walIncomplete > 0)
    throw new HoldfastError(
      'objective-missed',
      `the WAL of ${walIncomplete} sources is not attested as a whole: ${walFlagged} flags`,
      {
        hint: 'the receipts above name each part; the server keeps no WAL that was archived, so make a new base backup at once',
        context,
      },
    )
}
