import type { ListedReceipt } from './receipt-list.ts'

/** Why a receipt speaks against its snapshot, as text; null if it doesn't. */
export function doubtOf({ receipt }: ListedReceipt): string | null {
  const { outcome, findings, findingCount, flags } = receipt
  if (outcome === 'refused') {
    const suffix = findingCount > 1 ? ` (and ${findingCount - 1} more)` : ''
    return `the notary refuses it: ${findings[0]?.detail ?? 'no reason given'}${suffix}`
  }
  return flags.length === 0 ? null : `the notary flags it: ${flags.map(({ detail }) => detail).join('; ')}`
}
