// The data that the steps of a drill share and pass on, with the running cloud and database.
import path from 'node:path'
import type { PostgresBinaries } from '../postgres/binaries.ts'
import type { Cluster } from '../postgres/cluster.ts'
import type { UserIds } from '../postgres/unprivileged-user.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import type { CloudDeclaration, DeclaredBucket } from '../sandbox/declaration.ts'
import type { Credentials } from '../sandbox/identity/credentials.ts'
import type { Sandbox } from '../sandbox/server.ts'
import type { ClaimLedger } from './claims.ts'
import type { Cleanup } from './cleanup.ts'
import type { DrilledConfig } from './drilled-config.ts'
import type { DirectoryState } from './expected-state/files.ts'
import type { DatabaseState } from './expected-state/rows.ts'
import type { DrillReport } from './report/schema.ts'
import type { DrillSessions } from './sessions.ts'
import type { Timeline } from './timeline.ts'
import type { TrafficMeter } from './traffic.ts'
import type { WorldSize } from './world/size.ts'
import type { Uploads } from './world/uploads.ts'

/** The sources that have writers in the example configuration, with their directories on the production volume. */
export const sources = [
  { name: 'rental-db', kind: 'postgres', directory: 'pgdata' },
  { name: 'uploads', kind: 'volume', directory: 'uploads' },
] as const
export type SourceName = (typeof sources)[number]['name']

/** The replayed day by the sandbox's clock. It ends at the machine's own time. */
export const day = { betweenBackupsMs: 4 * 3_600_000, fromBackupToWipeMs: 2.5 * 3_600_000 } as const
export const objectives = {
  rpoMs: 4 * 3_600_000,
  /** Between the last transaction that came back and the wipe. */
  lastCommitMs: 5_000,
  rtoMs: 15 * 60_000,
} as const

export interface DrillContext {
  seed: number
  size: WorldSize
  /** The guard that is removed, from the declarations or from the nights, to see which claims fall. */
  without: string | null
  config: DrilledConfig
  /**
   * The directory of all files that the drill writes, except the report. Other users can pass through it, not list it.
   */
  workDirectory: string
  signal: AbortSignal
  ledger: ClaimLedger
  timeline: Timeline
  cleanup: Cleanup
  meter: TrafficMeter
  /** Filled in by the steps. A crashed step leaves its part empty. */
  report: Pick<
    DrillReport,
    | 'accounts'
    | 'examined'
    | 'vault'
    | 'notEmulated'
    | 'world'
    | 'backups'
    | 'wipe'
    | 'attacks'
    | 'controls'
    | 'inventory'
    | 'restores'
    | 'objectives'
    | 'tool'
  >
}

export function directories({ workDirectory }: Pick<DrillContext, 'workDirectory'>) {
  const below = (name: string) => path.join(workDirectory, name)
  return {
    sandbox: below('cloud'),
    postgres: below('postgres'),
    expectedState: below('expected-state'),
    workingTree: below('repository'),
    canary: below('canary'),
    restored: below('restored'),
    caches: below('caches'),
    home: below('home'),
    nights: below('nights'),
  }
}

export interface Provisioned {
  declaration: CloudDeclaration
  sandbox: Sandbox
  authorizer: PolicyAuthorizer
  sessions: DrillSessions
  region: string
  vault: DeclaredBucket
  accounts: Record<'vault' | 'production' | 'outsider', string>
  /** Buckets without guards, and a key, of an unrelated account. */
  controls: Record<'plain' | 'governed' | 'keyArn', string>
}

export interface Production {
  binaries: PostgresBinaries
  user: UserIds | null
  volumeId: string
  volumeDirectory: string
  uploads: Uploads
  start(): Promise<Cluster>
}

export interface State {
  label: 'first' | 'second'
  rows: DatabaseState
  files: Record<SourceName, DirectoryState>
  snapshotIds: Record<SourceName, string>
  /** The server's time of its last snapshot. */
  takenMs: number
}

export interface BackedUp {
  states: State[]
}

/** A transaction of the desks that the server has acknowledged. */
export interface Commit {
  /** Its row in the table `receipts`: from 1 on, without a gap. */
  number: number
  acknowledgedMs: number
}

/** The database from its last start on. Its WAL streams into the vault. */
export interface Live {
  cluster: Cluster
  /** Kept outside of both accounts. */
  commits: readonly Commit[]
  /** The moment before an agent dropped a table. */
  beforeDrop: { pointInTime: string; rows: DatabaseState; commits: number }
  /** When the volume was gone, by the cloud's clock; null before. */
  readonly wipedMs: number | null
  /** Ends the work of the desks and the stream, as the loss of their host would. */
  end(): Promise<void>
}

export interface Wiped {
  /** The time when the agent deleted the volume: by the sandbox's clock, and by the stopwatch. */
  wipedAtMs: number
  wipedElapsedMs: number
  foundKey: Credentials
}
