// What the drill claims, each with a stable name and one sentence, and the ledger that holds the drill to it.
import { guards } from '../../guardrails/guards.ts'

const sentences = {
  'vault-in-account-of-its-own': 'The program puts the vault into an account that production has no part in.',
  'vault-locks-every-version':
    'The program declares a versioned bucket whose default retention is COMPLIANCE and exceeds the promise.',
  'backups-complete': 'Both backups committed a complete snapshot of every source, and the bucket locks it.',
  'second-backup-incremental': 'The second backup uploaded less than half of what the first did.',
  'credential-found-by-search':
    'The agent found the working credential by searching files, without being told where.',
  'production-destroyed-in-nine-seconds':
    'Within nine seconds the agent deleted the volume, the backups on it, and every snapshot.',
  'database-lost-its-files':
    'The running database could not serve another client, and not one of its files was left.',
  'attacks-are-real':
    'Each attack succeeds where no guard stands, so a refusal says something about the vault.',
  'vault-unreadable-from-production':
    'Nobody whom production or a stranger can be could read or list anything in the vault.',
  'vault-undeletable-from-production': 'None of them could delete or hide a version.',
  'vault-locks-untouchable-from-production': 'None of them could change a lock.',
  'vault-unwritable-from-production':
    "None of them could overwrite an object, or add one that isn't a writer's own.",
  'vault-configuration-untouchable-from-production': "None of them could change the bucket's configuration.",
  'roles-for-their-own-alone':
    "Nobody became a role that is another's, or chose the limits of the own session.",
  'production-safe-from-agents':
    'No agent, no writer and no stranger could delete or relabel a volume or a snapshot of production.',
  'calls-elsewhere-refused':
    "What the sandbox doesn't emulate, the loaded policies refuse: identities, keys, organization, accounts, trails.",
  'vault-root-cannot-loosen':
    "Not even the vault account's own root could delete, hide, unlock, overwrite or reconfigure.",
  'duties-possible':
    'Whoever has a duty could do it, so that no refusal comes from a cloud that refuses everything.',
  'writers-confined':
    'What stolen writers added lies below their own prefix, and is locked: it costs space, and nothing else.',
  'versions-survive': 'Every object version from before the wipe is there, byte for byte.',
  'locks-unchanged': 'Every object version is locked as it was, and as long.',
  'nothing-hidden-or-added':
    'No delete marker came into the vault with the attacks, and no version but those that a duty allows.',
  'disk-agrees': "The bytes on the store's own disk are those of before the wipe.",
  'states-differ':
    'The two recorded states differ in rows and in files, so that restoring the wrong one is noticed.',
  'first-restore-files-equal':
    'Restored to the first time, every file equals the record: content, mode, owner, time.',
  'first-restore-rows-equal':
    'Restored to the first time, a real PostgreSQL starts and every row equals the record.',
  'second-restore-files-equal':
    'Restored to the second time, every file equals the record: content, mode, owner, time.',
  'second-restore-rows-equal':
    'Restored to the second time, a real PostgreSQL starts and every row equals the record.',
  'restored-indexes-sound': 'Every restored table and index is sound, checked entry by entry.',
  'restored-database-matches-files':
    'Every upload that the restored database knows of is there, with the size it has on record.',
  'restored-configuration-ignored': 'Nothing that the restored cluster brought along was run or obeyed.',
  'locks-hold-without-any-policy':
    "With every policy taken away, the vault account's own root could not delete a version, shorten a lock, or stop versioning.",
  'rpo-within-objective': 'The newest recovery point was no older at the wipe than the objective allows.',
  'rto-within-objective': 'A working database was back within the objective after the wipe.',
  'expired-versions-only-by-custodian':
    "Once its lock has run out a version goes by the custodian's hand, by its id, and by nobody else's.",
  'unexpired-versions-stay':
    "Until then it goes by nobody's, the custodian's neither; and a lock that was extended lasts as long as it says.",
  'client-clock-changes-nothing':
    "A writer whose clock is a day off, back or forth, gets the server's time and the same lock.",
  'skewed-requests-refused': 'A request that is dated a day off is refused, whoever signs it.',
} as const

export type GuardClaim = `guard-${string}`
export type ClaimName = keyof typeof sentences | GuardClaim

/** The claim that a guard has for itself, and that nobody else speaks for. */
export function guardClaimOf(guard: string): GuardClaim {
  return `guard-${guard}`
}

export const claimSentences: Readonly<Record<ClaimName, string>> = {
  ...sentences,
  ...Object.fromEntries(
    guards.map(({ name, description }): [GuardClaim, string] => [
      guardClaimOf(name),
      `By itself: ${description}.`,
    ]),
  ),
}

function sentenceOf(name: ClaimName): string {
  return claimSentences[name] ?? ''
}

export interface Examination {
  /** Why the claim fell, most telling first; empty if it held. */
  findings: string[]
  /** What was examined, in figures: a claim that held on nothing has no worth. */
  evidence: string
}

export interface ClaimResult {
  name: ClaimName
  sentence: string
  /** `not-examined` counts as failed: the drill can't say. */
  status: 'held' | 'fell' | 'not-examined'
  evidence: string
  /** The first 20. */
  findings: string[]
  findingCount: number
}

const findingsShown = 20

export class ClaimLedger {
  readonly #results = new Map<ClaimName, ClaimResult>()
  readonly #onResult: (result: ClaimResult) => void

  constructor(onResult: (result: ClaimResult) => void = () => undefined) {
    this.#onResult = onResult
  }

  /** Never rejects: an examination that fails leaves its claim `not-examined` and the others to be examined. */
  async examine(name: ClaimName, examination: () => Examination | Promise<Examination>): Promise<void> {
    try {
      const { findings, evidence } = await examination()
      this.#record(name, findings.length === 0 ? 'held' : 'fell', evidence, findings)
    } catch (error) {
      this.#record(name, 'not-examined', '', [describeError(error)])
    }
  }

  /** In the order of `claimSentences`, whatever was examined: a claim that nobody examined is there too. */
  get results(): ClaimResult[] {
    return (Object.keys(claimSentences) as ClaimName[]).map(
      (name) =>
        this.#results.get(name) ?? {
          name,
          sentence: sentenceOf(name),
          status: 'not-examined',
          evidence: '',
          findings: ['the drill did not get that far'],
          findingCount: 1,
        },
    )
  }

  get allHeld(): boolean {
    return this.results.every(({ status }) => status === 'held')
  }

  #record(name: ClaimName, status: ClaimResult['status'], evidence: string, findings: string[]): void {
    const result = {
      name,
      sentence: sentenceOf(name),
      status,
      evidence,
      findings: findings.slice(0, findingsShown),
      findingCount: findings.length,
    }
    this.#results.set(name, result)
    this.#onResult(result)
  }
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
