// A weakening: one request that would weaken the vault, with the principals whose duty it is.
import type { Subject } from './principals.ts'

export interface Weakening {
  /** The harm, as the report words it. */
  readonly effect: string
  readonly action: string
  readonly resource: string
  readonly accountId: string
  readonly context: Readonly<Record<string, string | string[]>>
  /** Names of the subjects whose duty it is. */
  readonly duty: readonly string[]
  /** The only subject that tries it; null: every subject tries it. */
  readonly only: string | null
  /** The owners whom only an Organization binds; null: the guard holds without an Organization too. */
  readonly ownerWithoutOrganization: 'owner and root' | 'root' | null
}

export type MakeWeakening = (
  effect: string,
  action: string,
  resource: string,
  details?: Partial<Weakening>,
) => Weakening

/** Makes weakenings of resources in one account. */
export function makeWeakeningsIn(accountId: string): MakeWeakening {
  return (effect, action, resource, details = {}) => ({
    effect,
    action,
    resource,
    accountId,
    context: {},
    duty: [],
    only: null,
    ownerWithoutOrganization: null,
    ...details,
  })
}

/** Without an Organization the owners and root of the account can undo the guard. */
export const lostWithoutOrganization = { ownerWithoutOrganization: 'owner and root' } as const

export function ownersOf(account: 'vault' | 'production'): string[] {
  return account === 'vault'
    ? ['vault root', 'vault-administrator, made by hand']
    : ['production root', 'production-owner, made by hand', 'administrator']
}

/** Whether the subject owns the account, and only an Organization could deny the weakening. */
export function isLostToOwner(
  { ownerWithoutOrganization: owner }: Weakening,
  subject: Subject,
  accountName: 'vault' | 'production',
): boolean {
  if (owner === null || subject.account !== accountName) return false
  const isOwner = ownersOf(accountName).some(
    (name) => subject.name === name || subject.name.endsWith(` > ${name}`),
  )
  return owner === 'root' ? subject.kind === 'root' : isOwner
}
