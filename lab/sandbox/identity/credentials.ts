// Every credential that the sandbox issued, kept in its database because sessions outlive a restart.

import { randomBytes } from 'node:crypto'
import type { Database } from '../store/database.ts'
import type { Principal } from './principal.ts'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  /** Null for the root keys of an account, which exist only in the sandbox. */
  sessionToken: string | null
  /** Milliseconds since the epoch on the sandbox's clock; null for root keys. */
  expiresMs: number | null
}

/** The registry of issued credentials. */
export interface CredentialRegistry {
  issue(principal: Principal, expiresMs: number | null): Credentials
  find(accessKeyId: string): { credentials: Credentials; principal: Principal } | null
}

interface Issued {
  credentials: Credentials
  principal: Principal
}

export class StoredCredentials implements CredentialRegistry {
  private readonly database: Database
  private readonly issued = new Map<string, Issued>()

  constructor(database: Database) {
    this.database = database
    database.exec(
      'CREATE TABLE IF NOT EXISTS credential (access_key_id TEXT PRIMARY KEY, issued TEXT NOT NULL) STRICT',
    )
    for (const row of database.prepare('SELECT issued FROM credential').all()) {
      const issued = JSON.parse(String(row.issued)) as Issued
      this.issued.set(issued.credentials.accessKeyId, issued)
    }
  }

  issue(principal: Principal, expiresMs: number | null): Credentials {
    const isSession = principal.kind === 'role-session'
    const credentials: Credentials = {
      accessKeyId: (isSession ? 'ASIA' : 'AKIA') + randomName(16),
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: isSession ? randomBytes(144).toString('base64') : null,
      expiresMs,
    }
    const issued = { credentials, principal: structuredClone(principal) }
    this.database
      .prepare('INSERT INTO credential VALUES (?, ?)')
      .run(credentials.accessKeyId, JSON.stringify(issued))
    this.issued.set(credentials.accessKeyId, issued)
    return { ...credentials }
  }

  find(accessKeyId: string): Issued | null {
    return this.issued.get(accessKeyId) ?? null
  }

  /** The root keys of an account. They are made once, and stay the same as long as the directory exists. */
  rootOf(accountId: string): Credentials {
    const arn = `arn:aws:iam::${accountId}:root`
    for (const { credentials, principal } of this.issued.values()) {
      if (principal.kind === 'root' && principal.arn === arn) return { ...credentials }
    }
    return this.issue({ kind: 'root', accountId, arn }, null)
  }
}

/** `length` characters from A to Z and 2 to 7, as in AWS's access key ids. */
function randomName(length: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return Array.from(randomBytes(length), (byte) => letters[byte % 32]).join('')
}
