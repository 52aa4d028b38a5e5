// A connection to a PostgreSQL server, and its errors in our words.
import pg from 'pg'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { connectionOf } from './copy-command.ts'

/** A URL of libpq's form. It may hold a password, so that it is never printed. */
export type ServerAddress = string

export interface SessionOptions {
  address: ServerAddress
  signal: AbortSignal | undefined
  /** `physical`: a connection that takes the commands of the replication protocol, and no SQL. */
  replication?: 'physical' | undefined
  /** The name in the server's views, by which it also knows synchronous standbys. */
  applicationName?: string | undefined
}

const connectionTimeoutMs = 30_000
/** A server may end a session that waits for the reading of the files, by settings of a role or a database. */
const patience = 'set statement_timeout = 0; set idle_session_timeout = 0; set lock_timeout = 0'

/** Class or code of SQLSTATE to our code. The first match counts. */
const codes: readonly [state: RegExp, code: ErrorCode, retryable: boolean][] = [
  [/^28/, 'credentials', false],
  [/^42501$/, 'denied', false],
  [/^3D/, 'not-found', false],
  [/^53/, 'throttled', true],
  [/^57P0[1-5]$/, 'unreachable', true],
  [/^08/, 'unreachable', true],
  [/^42/, 'invalid-input', false],
]

export class PostgresSession {
  readonly client: pg.Client
  private readonly signal: AbortSignal | undefined
  private readonly abort = (): void => void this.close()
  private readonly isReplication: boolean
  private closed: Promise<void> | null = null

  private constructor({ address, replication, signal, applicationName = 'holdfast' }: SessionOptions) {
    this.signal = signal
    this.isReplication = replication !== undefined
    this.client = new pg.Client({
      connectionString: address,
      application_name: applicationName,
      connectionTimeoutMillis: connectionTimeoutMs,
      keepAlive: true,
      ...(replication === undefined ? {} : { replication: 'true' }),
    })
    // A lost connection is reported by the query that waits, or by the next one.
    this.client.on('error', () => {})
  }

  /** @throws `credentials`, `unreachable`, `not-found` (the database). */
  static async open(options: SessionOptions): Promise<PostgresSession> {
    options.signal?.throwIfAborted()
    const session = new PostgresSession(options)
    options.signal?.addEventListener('abort', session.abort, { once: true })
    try {
      await session.client.connect()
      if (options.replication === undefined) await session.client.query(patience)
      return session
    } catch (error) {
      await session.close()
      throw session.translate(error)
    }
  }

  /** The rows, each field as text or null. */
  async rows(sql: string, values: readonly string[] = []): Promise<Record<string, string | null>[]> {
    try {
      const result = await this.client.query({ text: sql, values: [...values], types: asText })
      return result.rows as Record<string, string | null>[]
    } catch (error) {
      throw this.translate(error)
    }
  }

  /** The only row. A query without one is a defect. */
  async row(sql: string, values: readonly string[] = []): Promise<Record<string, string | null>> {
    const [row] = await this.rows(sql, values)
    if (row === undefined) throw new HoldfastError('internal', `no row for ${sql}`)
    return row
  }

  translate(error: unknown): unknown {
    if (this.signal?.aborted === true) return this.signal.reason
    return translatePostgresError(error)
  }

  /** A base backup that the session began ends with it. */
  async close(): Promise<void> {
    this.signal?.removeEventListener('abort', this.abort)
    // A stream that is paused would never see the end of its connection.
    if (this.isReplication) connectionOf(this.client).stream.destroy()
    else await (this.closed ??= this.client.end().catch(() => {}))
  }
}

/** Types differ between versions, and text is exact for 64 bits. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

function translatePostgresError(error: unknown): unknown {
  if (isHoldfastError(error) || !(error instanceof Error)) return error
  const state = error instanceof pg.DatabaseError ? (error.code ?? '') : null
  if (state === null) {
    return new HoldfastError('unreachable', `the PostgreSQL server gave no reply: ${error.message}`, {
      hint: 'look whether the server runs, and whether --connect names its host and port',
      retryable: true,
      cause: error,
    })
  }
  const [, code, retryable] = codes.find(([pattern]) => pattern.test(state)) ?? [/^/, 'conflict', false]
  const hint = error instanceof pg.DatabaseError ? (error.hint ?? error.detail) : undefined
  return new HoldfastError(code, `PostgreSQL: ${error.message} (${state})`, {
    ...(hint === undefined ? {} : { hint }),
    retryable,
    context: { sqlState: state },
    cause: error,
  })
}
