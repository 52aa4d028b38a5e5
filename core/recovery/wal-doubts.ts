// The doubts of the notary about the WAL that a recovery would replay.
import type { WalFlag, WalReceipt } from '../wal/wal-receipt.ts'
import type { RecoveryChoice } from './recovery-choice.ts'

/** The flags of the parts that the recovery reads, of exactly these versions. */
export function doubtsOfWal({ links }: Pick<RecoveryChoice, 'links'>, { flags }: WalReceipt): WalFlag[] {
  const versions = new Set(links.map(({ part: { key, versionId } }) => `${key} ${versionId}`))
  return flags.filter(({ key, versionId }) => versions.has(`${key} ${versionId ?? ''}`))
}
