// Volumes and snapshots: each has a record in the database and a directory that holds its data.

import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceHost } from '../protocol/service.ts'
import type { Database } from '../store/database.ts'
import { copyTree, removeTree } from './directories.ts'

export type StorageKind = 'volume' | 'snapshot'

export interface Storage {
  kind: StorageKind
  id: string
  accountId: string
  region: string
  createdMs: number
  sizeGib: number
  tags: Record<string, string>
  /** The zone of a volume. */
  availabilityZone: string
  volumeType: string
  sourceId: string | null
  description: string
}

const idPatterns: Record<StorageKind, RegExp> = {
  volume: /^vol-[0-9a-f]{17}$/,
  snapshot: /^snap-[0-9a-f]{17}$/,
}

export class StorageStore {
  private readonly database: Database
  private readonly directory: string

  constructor(database: Database, directory: string) {
    this.database = database
    this.directory = directory
    database.exec(`CREATE TABLE IF NOT EXISTS ec2_storage (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, account_id TEXT NOT NULL, region TEXT NOT NULL, created_ms INTEGER NOT NULL, detail TEXT NOT NULL
    ) STRICT`)
  }

  directoryOf({ kind, id }: Pick<Storage, 'kind' | 'id'>): string {
    return join(this.directory, `${kind}s`, id)
  }

  /** Null unless the account and region have a volume or snapshot with this id. */
  find(kind: StorageKind, id: string, accountId: string, region: string): Storage | null {
    if (!idPatterns[kind].test(id)) return null
    const row = this.database
      .prepare('SELECT detail FROM ec2_storage WHERE id = ? AND kind = ? AND account_id = ? AND region = ?')
      .get(id, kind, accountId, region)
    return row === undefined ? null : (JSON.parse(String(row.detail)) as Storage)
  }

  /** Searches all accounts. Only the sandbox's owner may call this, never a service for its caller. */
  findAnywhere(kind: StorageKind, id: string): Storage | null {
    const row = this.database
      .prepare('SELECT detail FROM ec2_storage WHERE id = ? AND kind = ?')
      .get(id, kind)
    return row === undefined ? null : (JSON.parse(String(row.detail)) as Storage)
  }

  list(kind: StorageKind, accountId: string, region: string): Storage[] {
    return this.database
      .prepare(
        'SELECT detail FROM ec2_storage WHERE kind = ? AND account_id = ? AND region = ? ORDER BY created_ms, id',
      )
      .all(kind, accountId, region)
      .map((row) => JSON.parse(String(row.detail)) as Storage)
  }

  /**
   * Writes the record last, because a directory without a record belongs to no volume: a killed process may
   * leave one.
   */
  async create(storage: Omit<Storage, 'id'>, copyFrom: Storage | null): Promise<Storage> {
    const id = `${storage.kind === 'volume' ? 'vol' : 'snap'}-0${randomBytes(8).toString('hex')}`
    const created = { ...storage, id }
    const directory = this.directoryOf(created)
    await mkdir(join(this.directory, `${storage.kind}s`), { recursive: true, mode: 0o755 })
    if (copyFrom === null) await mkdir(directory, { mode: 0o755 })
    else await copyTree(this.directoryOf(copyFrom), directory)
    this.database
      .prepare('INSERT INTO ec2_storage VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, storage.kind, storage.accountId, storage.region, storage.createdMs, JSON.stringify(created))
    return created
  }

  update(storage: Storage): void {
    this.database
      .prepare('UPDATE ec2_storage SET detail = ? WHERE id = ?')
      .run(JSON.stringify(storage), storage.id)
  }

  /** Removes the record first, so that no request finds a volume whose data is being removed. */
  async remove(storage: Storage): Promise<void> {
    this.database.prepare('DELETE FROM ec2_storage WHERE id = ?').run(storage.id)
    await removeTree(this.directoryOf(storage))
  }
}

/** The directory of a volume's data, in any account; null if there is no such volume. */
export function volumeDirectory(
  host: Pick<ServiceHost, 'database' | 'directory'>,
  volumeId: string,
): string | null {
  const store = new StorageStore(host.database, host.directory)
  const volume = store.findAnywhere('volume', volumeId)
  return volume === null ? null : store.directoryOf(volume)
}
