// The desks at work, transaction by transaction, with a log of what the server acknowledged. The log is kept outside
// of the database: it says which transactions a restore must bring back.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Random } from '../../../core/clock.ts'
import type { Commit } from '../drill-context.ts'
import type { WorldSize } from './size.ts'
import { insertBooking } from './workload.ts'

/** Between two transactions. */
const pauseMs = 20

export interface DeskOptions {
  client: pg.Client
  random: Random
  size: WorldSize
  nowMs: () => number
  logFile: string
}

export class Desks {
  readonly commits: Commit[] = []
  private readonly options: DeskOptions
  private stopped = false
  private running: Promise<void> = Promise.resolve()

  private constructor(options: DeskOptions) {
    this.options = options
  }

  static async open(options: DeskOptions): Promise<Desks> {
    await options.client.query('CREATE TABLE receipts (number integer PRIMARY KEY)')
    const desks = new Desks(options)
    desks.work()
    return desks
  }

  work(): void {
    this.stopped = false
    this.running = this.run()
  }

  /** Resolves when the last transaction has ended. Rejects if one failed. */
  async pause(): Promise<void> {
    this.stopped = true
    await this.running
  }

  private async run(): Promise<void> {
    try {
      for (; !this.stopped; await sleep(pauseMs)) await this.commitOne()
    } catch (error) {
      // After a stop, the server may be gone.
      if (!this.stopped) throw error
    }
  }

  private async commitOne(): Promise<void> {
    const { client, random, size, nowMs, logFile } = this.options
    const number = this.commits.length + 1
    await client.query('BEGIN')
    await insertBooking(client, random, size, nowMs())
    await client.query('INSERT INTO receipts VALUES ($1)', [number])
    await client.query('COMMIT')
    const commit = { number, acknowledgedMs: nowMs() }
    this.commits.push(commit)
    appendFileSync(logFile, `${JSON.stringify(commit)}\n`, { mode: 0o600 })
  }
}
