// The claims of the drill, each with a stable name and one sentence, and the ledger of their results.
import { guards } from '../../guardrails/guards.ts'

const sentences = {
  'vault-in-account-of-its-own':
    'The program puts the vault into its own account, where production has no role.',
  'vault-locks-every-version':
    'The program declares a versioned bucket whose default retention is COMPLIANCE and exceeds the guaranteed retention.',
  'backups-complete': 'Both backups committed a complete and locked snapshot of every source.',
  'second-backup-incremental': 'The second backup uploaded less than half of the bytes of the first.',
  'live-backup-complete':
    'While transactions went on, a base backup of the running database became a complete and locked snapshot, with its WAL in the vault.',
  'credential-found-by-search':
    'The agent found the working credential by a search of the files, without a hint.',
  'production-destroyed-in-nine-seconds':
    'Within nine seconds the agent deleted the volume, the backups on it, and every snapshot.',
  'database-lost-its-files':
    'The running database could not serve another client, and all its files were gone.',
  'attacks-are-real':
    'Each attack succeeds against a bucket without guards, so a refusal means that the vault stopped it.',
  'vault-unreadable-from-production': "Production roles and strangers can't read or list the vault.",
  'vault-undeletable-from-production': "Production roles and strangers can't delete or hide a version.",
  'vault-locks-untouchable-from-production': "Production roles and strangers can't change a lock.",
  'vault-unwritable-from-production':
    "Production roles and strangers can't overwrite an object, and a writer can add objects only below its own source.",
  'vault-configuration-untouchable-from-production':
    "Production roles and strangers can't change the bucket's configuration.",
  'roles-for-their-own-alone':
    'Only the configured callers can assume a role, and no caller can choose the limits of its own session.',
  'production-safe-from-agents':
    "Agents, writers and strangers can't delete or relabel a volume or a snapshot of production.",
  'wide-agent-limited':
    'An agent with all of EC2, RDS, Lightsail and Systems Manager can do no destructive action of these services.',
  'delegated-administrators-kept-out':
    "A delegated administrator can't act on other accounts from production, and the roles of stack sets and Identity Center can do nothing in the vault's account.",
  'alarms-not-blinded':
    "The vault account's own root user can't silence an alarm, make up a figure that an alarm reads, or stop the checks.",
  'deployers-shell-tears-nothing-down':
    "A shell with the vault deployer's credentials can't delete a role, key, alarm, log or bucket setting that the vault's promise needs, with an Organization and without one.",
  'flood-raises-alarm':
    'A source that writes more than its budget fires an alarm, and no object that it writes ends an alarm on silence.',
  'calls-elsewhere-refused':
    "For services that the sandbox doesn't emulate, the loaded policies deny the attacks on identities, keys, organization, accounts and trails.",
  'vault-root-cannot-loosen':
    "The vault account's own root user can't delete, hide, unlock, overwrite or reconfigure.",
  'duties-possible': 'Every role can do its duty, so no refusal comes from a cloud that refuses everything.',
  'writers-confined':
    'Objects that stolen writers added lie below their own prefix and are locked: they cost space and nothing else.',
  'versions-survive': 'Every object version from before the wipe is still there, byte for byte.',
  'locks-unchanged': 'Every object version has the same lock as before.',
  'nothing-hidden-or-added':
    'The attacks added no delete marker to the vault, and no version except those that a duty allows.',
  'disk-agrees': "The store's own disk holds the same bytes as before the wipe.",
  'states-differ':
    'The two recorded states differ in rows and in files, so a restore of the wrong one fails a claim.',
  'first-restore-files-equal':
    'A restore to the first point in time brings back every file: content, mode, owner and time.',
  'first-restore-rows-equal':
    'After a restore to the first point in time a real PostgreSQL starts, and every row equals the record.',
  'second-restore-files-equal':
    'A restore to the second point in time brings back every file: content, mode, owner and time.',
  'second-restore-rows-equal':
    'After a restore to the second point in time a real PostgreSQL starts, and every row equals the record.',
  'restored-indexes-sound':
    'PostgreSQL checks every entry of the restored tables and indexes, and finds no damage.',
  'restored-database-matches-files':
    'Every upload in the restored database is also restored as a file of the recorded size.',
  'restored-configuration-ignored':
    "The restored cluster's own commands never ran, and its own settings had no effect.",
  'locks-hold-without-any-policy':
    "Without any policy, the vault account's own root user can't delete a version, shorten a lock, or stop versioning.",
  'rpo-within-objective':
    'At the wipe, the age of the newest snapshot of the uploads was within the objective.',
  'last-commits-come-back':
    'The last committed transaction that came back is at most 5 s older than the wipe, and none before it is missing.',
  'dropped-table-comes-back':
    'After an agent dropped a table, a restore to a time before that brings back every row, and every transaction before that time.',
  'rto-within-objective': 'A working database was back within the objective.',
  'expired-versions-only-by-custodian':
    'After the end of its lock, only the custodian can delete a version, and only by its version id.',
  'unexpired-versions-stay':
    'Before the end of its lock no role can delete a version, the custodian included; an extended lock lasts until its new end.',
  'client-clock-changes-nothing':
    "A writer whose clock is wrong by a day gets the server's time and the same lock.",
  'skewed-requests-refused': 'The server refuses every request with a date that is wrong by a day.',
  'stopped-backups-turn-red':
    "When production's administrator stops the backups, the freshness check is red as soon as the newest snapshot is older than the objective; no role of production can add a report.",
  'garbage-turns-red':
    'A stolen writer that puts one byte a day under the manifests makes no source look backed up: freshness and tamper checks are red within the objective.',
  'emptied-source-turns-red':
    'Empty snapshots of an emptied source make no source look backed up: the freshness check is red within the objective.',
  'incomplete-snapshots-turn-red':
    'Snapshots that leave files out make no source look backed up: the freshness check is red within the objective.',
  'silent-source-stays-restorable':
    'The custodian keeps the last good snapshot of a silent source locked past the end of every first lock, although a stolen writer forged a newer one; a restore brings back every file.',
} as const

export type GuardClaim = `guard-${string}`
export type ClaimName = keyof typeof sentences | GuardClaim

/** The claim about one guard alone. */
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

export interface ClaimFindings {
  /** Reasons why the claim fell, the most important first; empty if it held. */
  findings: string[]
  /** The number of examined things, because a claim about nothing always holds. */
  evidence: string
}

export interface ClaimResult {
  name: ClaimName
  sentence: string
  /** `not-examined` counts as failed, because the drill has no answer. */
  status: 'held' | 'fell' | 'not-examined'
  evidence: string
  /** The first 20. */
  findings: string[]
  findingCount: number
}

const findingsShown = 20

export class ClaimLedger {
  private readonly resultsByName = new Map<ClaimName, ClaimResult>()
  private readonly onResult: (result: ClaimResult) => void

  constructor(onResult: (result: ClaimResult) => void = () => undefined) {
    this.onResult = onResult
  }

  /** Never rejects: if `findEvidence` throws, the claim is `not-examined`, and the drill goes on. */
  async examine(name: ClaimName, findEvidence: () => ClaimFindings | Promise<ClaimFindings>): Promise<void> {
    try {
      const { findings, evidence } = await findEvidence()
      this.record(name, findings.length === 0 ? 'held' : 'fell', evidence, findings)
    } catch (error) {
      this.record(name, 'not-examined', '', [describeError(error)])
    }
  }

  /** All claims in the order of `claimSentences`, also those that the drill didn't examine. */
  get results(): ClaimResult[] {
    return (Object.keys(claimSentences) as ClaimName[]).map(
      (name) =>
        this.resultsByName.get(name) ?? {
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

  private record(name: ClaimName, status: ClaimResult['status'], evidence: string, findings: string[]): void {
    const result = {
      name,
      sentence: sentenceOf(name),
      status,
      evidence,
      findings: findings.slice(0, findingsShown),
      findingCount: findings.length,
    }
    this.resultsByName.set(name, result)
    this.onResult(result)
  }
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
