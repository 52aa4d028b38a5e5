// A command of the replication protocol whose reply is a stream: `pg` runs it, and hands over each message. It has
// ended only when the server is ready for the next one: an error can come behind the last byte.
import type pg from 'pg'

export interface CopyListener {
  /** @param bytes valid during the call. */
  data(bytes: Buffer): void
  /** The server sends no more, and waits for us to end too. */
  done?(): void
  /** Each row of each result, also of a command that fails behind it. */
  row?(row: TextRow): void
}

/** Rows as text, by the names of their columns; null for NULL. */
export type TextRow = Record<string, string | null>

interface RowDescription {
  fields: readonly { name: string }[]
}

/** The part of `pg`'s connection that a stream needs, which its types leave out. */
export interface CopyConnection {
  stream: { pause(): void; resume(): void; destroy(): void }
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  on(event: 'copyDone', listener: () => void): void
  off(event: 'copyDone', listener: () => void): void
}

export function connectionOf(client: pg.Client): CopyConnection {
  return (client as unknown as { connection: CopyConnection }).connection
}

/** `pg` calls the methods that begin with `handle`. */
export class CopyCommand {
  private readonly text: string
  private readonly listener: CopyListener
  private readonly settle: { resolve: (rows: TextRow[]) => void; reject: (error: unknown) => void }
  private columns: readonly string[] = []
  private readonly rows: TextRow[] = []
  private failure: Error | null = null
  /** `pg` reports here that the connection is lost. */
  readonly callback: (error?: Error | null) => void

  private constructor(text: string, listener: CopyListener, settle: CopyCommand['settle']) {
    this.text = text
    this.listener = listener
    this.settle = settle
    this.callback = (error) => {
      if (error !== undefined && error !== null) settle.reject(error)
    }
  }

  /** Resolves with the rows of all results when the server is ready again. */
  static run(client: pg.Client, text: string, listener: CopyListener): Promise<TextRow[]> {
    const connection = connectionOf(client)
    const onDone = (): void => listener.done?.()
    connection.on('copyDone', onDone)
    return new Promise<TextRow[]>((resolve, reject) => {
      client.query(new CopyCommand(text, listener, { resolve, reject }) as unknown as pg.Submittable)
    }).finally(() => connection.off('copyDone', onDone))
  }

  submit(connection: CopyConnection): void {
    connection.query(this.text)
  }

  handleRowDescription({ fields }: RowDescription): void {
    this.columns = fields.map(({ name }) => name)
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const row = Object.fromEntries(this.columns.map((name, index) => [name, fields[index] ?? null]))
    this.rows.push(row)
    this.listener.row?.(row)
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    try {
      if (this.failure === null) this.listener.data(chunk)
    } catch (error) {
      this.failure = error as Error
      this.settle.reject(error)
    }
  }

  handleCommandComplete(): void {}

  handlePortalSuspended(): void {}

  handleEmptyQuery(): void {}

  handleCopyInResponse(): void {}

  handleError(error: Error): void {
    this.failure = error
    this.settle.reject(error)
  }

  handleReadyForQuery(): void {
    if (this.failure === null) this.settle.resolve(this.rows)
  }
}
