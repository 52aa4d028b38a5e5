// How the drill examines each claim, and what makes it fall: docs/claims.md is drawn from it.
import { guards } from '../../guardrails/guards.ts'
import { claimSentences, guardClaimOf } from './claims.ts'
import type { ClaimName, GuardClaim } from './claims.ts'
import { consequences } from './guards/consequences.ts'
import { liveGuards } from './live-guards.ts'
import { nightGuards } from './nights/night-guards.ts'

/** The claims but for those about one guard each, which are all examined in the same way. */
const methods: Readonly<Record<Exclude<ClaimName, GuardClaim>, string>> = {
  'vault-in-account-of-its-own': 'the resources that the program declares',
  'vault-locks-every-version': "the bucket's declared versioning, Object Lock and default retention",
  'backups-complete': 'the manifests of both backups, with the lock of each version',
  'second-backup-incremental': "the bytes of requests, by the cloud's own count",
  'credential-found-by-search': 'a process with a working tree of files, and nothing else',
  'production-destroyed-in-nine-seconds': 'a stopwatch, and signed EC2 calls with the found credential',
  'live-backup-complete': 'the record of the backup, and the transactions that ended meanwhile',
  'last-commits-come-back': 'the recovered transactions against a log that is kept outside of the database',
  'dropped-table-comes-back': 'a hash over the rows of each table against the record',
  'database-lost-its-files': 'a new client of the running PostgreSQL, and its directory',
  'attacks-are-real': 'each attack, sent by an owner to buckets without guards',
  'vault-unreadable-from-production': 'signed requests of each identity',
  'vault-undeletable-from-production': 'signed requests of each identity',
  'vault-locks-untouchable-from-production': 'signed requests of each identity',
  'vault-unwritable-from-production': 'signed requests of each identity; a writer aims at two sources',
  'vault-configuration-untouchable-from-production': 'signed requests of each identity',
  'roles-for-their-own-alone': 'AssumeRole by each identity, with what each could send besides',
  'production-safe-from-agents': 'signed EC2 calls on volumes and snapshots that are there',
  'wide-agent-limited': 'each destructive action of the services, evaluated on the loaded policies',
  'delegated-administrators-kept-out': 'calls of delegated administrators and service roles, evaluated',
  'alarms-not-blinded': 'each call that silences an alarm, evaluated for the root user',
  'deployers-shell-tears-nothing-down': 'each deletion of a declared resource, evaluated for the deployer',
  'flood-raises-alarm': 'objects beyond the budget, counted by the declared alarms',
  'calls-elsewhere-refused': 'attacks on services that the sandbox does not emulate, evaluated',
  'vault-root-cannot-loosen': "each attack, sent by the vault account's root user",
  'duties-possible': 'the tasks of the same identities, which must succeed',
  'writers-confined': 'every version that appeared since the wipe',
  'versions-survive': 'every byte of every version, read back through the API',
  'locks-unchanged': "every version's mode and end of lock",
  'nothing-hidden-or-added': 'all versions and delete markers, before and after',
  'disk-agrees': "the store's files and its catalogue, without the API",
  'states-differ': 'the two records of rows and files, kept outside of both accounts',
  'first-restore-files-equal': 'content, mode, owner and time of each file against the record',
  'first-restore-rows-equal': 'a hash over the rows of each table against the record',
  'second-restore-files-equal': 'content, mode, owner and time of each file against the record',
  'second-restore-rows-equal': 'a hash over the rows of each table against the record',
  'restored-indexes-sound': "PostgreSQL's amcheck, on each index and table",
  'restored-database-matches-files': 'each row of an upload against its file',
  'restored-configuration-ignored': 'canaries in the configuration: commands and a login trigger',
  'locks-hold-without-any-policy':
    'the cloud starts again without policies, and the root user tries each version',
  'rpo-within-objective': "the cloud's clock, between snapshot and wipe",
  'rto-within-objective': 'a stopwatch, between wipe and first reply of a restored database',
  'expired-versions-only-by-custodian': "the cloud's clock is turned past the locks; each role tries",
  'unexpired-versions-stay': "the cloud's clock is turned to days before and after an end of lock",
  'client-clock-changes-nothing': 'three backups by hosts whose clocks differ by a day',
  'skewed-requests-refused': 'signed requests that are dated a day early and a day late',
  'stopped-backups-turn-red': '`holdfast check`, a minute after the objective has passed',
  'garbage-turns-red': '`holdfast check`, a minute after the objective has passed',
  'emptied-source-turns-red': '`holdfast check`, a minute after the objective has passed',
  'incomplete-snapshots-turn-red': '`holdfast check`, a minute after the objective has passed',
  'silent-source-stays-restorable': '80 nights of notary and custodian, then a restore',
}

/** Tests of sabotage.test.ts, by the beginning of their titles, and the claims that they fell, which no guard holds. */
const sabotages: Readonly<Record<string, readonly ClaimName[]>> = {
  'one flipped bit': ['versions-survive', 'disk-agrees'],
  'destroys nothing': [
    'credential-found-by-search',
    'database-lost-its-files',
    'production-destroyed-in-nine-seconds',
  ],
  'other rows in the first state': ['first-restore-rows-equal', 'second-restore-files-equal'],
  'other rows in the second state': ['second-restore-rows-equal', 'first-restore-files-equal'],
  'a damaged pack': [
    'states-differ',
    'restored-database-matches-files',
    'restored-configuration-ignored',
    'rpo-within-objective',
    'rto-within-objective',
  ],
}

interface ClaimRow {
  name: ClaimName
  sentence: string
  method: string
  /** A command after which the claim falls; null where none does yet. */
  fallsBy: string | null
}

export function claimRows(): ClaimRow[] {
  return (Object.keys(claimSentences) as ClaimName[]).map((name) => ({
    name,
    sentence: claimSentences[name] ?? '',
    method: isOfGuard(name) ? 'each of its statements, with every other deny removed' : methods[name],
    fallsBy: commandAgainst(name),
  }))
}

function isOfGuard(name: ClaimName): name is GuardClaim {
  return name.startsWith('guard-')
}

function commandAgainst(name: ClaimName): string | null {
  const guard =
    guards.find((candidate) => guardClaimOf(candidate.name) === name)?.name ??
    Object.keys(consequences).find((candidate) => consequences[candidate]?.includes(name)) ??
    [...liveGuards, ...nightGuards].find((candidate) => candidate.consequences.includes(name))?.name
  if (guard !== undefined) return `npm run drill -- --small --without ${guard}`
  const title = Object.keys(sabotages).find((candidate) => sabotages[candidate]?.includes(name))
  return title === undefined
    ? null
    : `npx vitest run --project scenarios test/lab/incident/sabotage.test.ts -t '${title}'`
}
