// The replication protocol, by which a physical standby asks its primary. See PostgreSQL's "Streaming Replication
// Protocol".
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { lsnText, parseLsn } from '../../core/wal/lsn.ts'
import { CopyCommand, connectionOf } from './copy-command.ts'
import type { TextRow } from './copy-command.ts'
import { PostgresSession } from './session.ts'
import type { SessionOptions } from './session.ts'

/** PostgreSQL counts time from 2000-01-01. */
const postgresEpochMs = 946_684_800_000
const slotPattern = /^[a-z0-9_]{1,63}$/
const dataHeadBytes = 25
const keepaliveBytes = 18

export interface ReplicatedSystem {
  systemId: string
  timeline: number
  segmentBytes: number
  serverVersion: number
  /** How long the server waits for a reply; 0: for ever. */
  senderTimeoutMs: number
}

export interface SlotState {
  /** Null for a slot that has kept nothing yet. */
  restartLsn: bigint | null
  timeline: number | null
}

export interface WalListener {
  /** @param bytes valid during the call. */
  data(start: bigint, bytes: Buffer): void
  /** @param end how far the server has sent. */
  keepalive(end: bigint, isReplyRequested: boolean): void
}

/** Where the log goes on after the end of a timeline. */
export interface TimelineSwitch {
  timeline: number
  lsn: bigint
}

export interface WalPosition {
  lsn: bigint
  timeline: number
}

export interface BaseListener {
  /** @param bytes one message of the base backup, valid during the call. */
  data(bytes: Buffer): void
  /** True while nothing more should be received; `drain` then resolves when it may go on. */
  isBehind(): boolean
  drain(): Promise<void>
}

export interface BaseEnd {
  end: WalPosition
  /** The warnings of the server meanwhile. */
  notices: string[]
  /** The server's words about pages whose checksum is wrong; null if it found none. */
  damage: string | null
}

/** ERRCODE_DATA_CORRUPTED */
const damagedState = 'XX001'
const maxNotices = 1000

/** @throws `invalid-input` for a name that no slot can have. */
export function assertSlotName(slot: string): void {
  if (slotPattern.test(slot)) return
  throw new HoldfastError('invalid-input', `${JSON.stringify(slot.slice(0, 80))} is not a name of a slot`, {
    hint: 'use lower-case letters, digits and underscores, 63 characters at most, e.g. holdfast_rental',
  })
}

export class ReplicationConnection {
  private readonly session: PostgresSession

  private constructor(session: PostgresSession) {
    this.session = session
  }

  static async open(options: Omit<SessionOptions, 'replication'>): Promise<ReplicationConnection> {
    return new ReplicationConnection(await PostgresSession.open({ ...options, replication: 'physical' }))
  }

  async identify(): Promise<ReplicatedSystem> {
    const { session } = this
    const system = await session.row('IDENTIFY_SYSTEM')
    const show = async (name: string): Promise<string> =>
      Object.values(await session.row(`SHOW ${name}`))[0] ?? ''
    return {
      systemId: system['systemid']!,
      timeline: Number(system['timeline']),
      segmentBytes: parseBytes(await show('wal_segment_size')),
      serverVersion: Number(await show('server_version_num')),
      senderTimeoutMs: parseMs(await show('wal_sender_timeout')),
    }
  }

  /** Null for a slot that doesn't exist. @throws `conflict` for a logical one. */
  async readSlot(slot: string): Promise<SlotState | null> {
    assertSlotName(slot)
    const row = await this.session.row(`READ_REPLICATION_SLOT ${slot}`)
    if (row['slot_type'] === null || row['slot_type'] === undefined) return null
    const { restart_lsn: lsn = null, restart_tli: timeline = null } = row
    return {
      restartLsn: lsn === null ? null : parseLsn(lsn),
      timeline: timeline === null ? null : Number(timeline),
    }
  }

  /** The server keeps the WAL from its last checkpoint on for the new slot. */
  async createSlot(slot: string): Promise<SlotState> {
    assertSlotName(slot)
    await this.session.rows(`CREATE_REPLICATION_SLOT ${slot} PHYSICAL RESERVE_WAL`)
    // The reply of the command itself gives no position.
    return (await this.readSlot(slot)) ?? { restartLsn: null, timeline: null }
  }

  /** The history file of a timeline; the first one has none. */
  async timelineHistory(timeline: number): Promise<Buffer> {
    const row = await this.session.row(`TIMELINE_HISTORY ${timeline}`)
    return Buffer.from(row['content'] ?? '')
  }

  /**
   * Receives a base backup without WAL, each file with its SHA-256 in the manifest. The server reports pages whose
   * checksum is wrong as an error behind the whole backup.
   * @param label without a quote.
   */
  async baseBackup(label: string, listener: BaseListener): Promise<BaseEnd> {
    const { client } = this.session
    const command = `BASE_BACKUP (LABEL '${label}', CHECKPOINT 'fast', WAIT false, TABLESPACE_MAP true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`
    const notices: string[] = []
    const onNotice = ({ severity, message }: { severity?: string; message?: string }): void => {
      if (severity === 'WARNING' && notices.length < maxNotices) notices.push(message ?? '')
    }
    const backPressure = new BackPressure(this, listener)
    let endRow: TextRow | null = null
    let damage: string | null = null
    client.on('notice', onNotice as never)
    try {
      await CopyCommand.run(client, command, {
        data: (bytes) => {
          listener.data(bytes)
          backPressure.apply()
        },
        // The server sends the position of its end behind the content.
        done: () => (endRow = null),
        row: (row) => (endRow = row),
      })
    } catch (error) {
      const translated = this.session.translate(error)
      const isAfterEnd = endRow !== null && isHoldfastError(translated)
      if (backPressure.failure !== null) throw backPressure.failure
      if (!isAfterEnd || translated.context['sqlState'] !== damagedState) throw translated
      damage = translated.message
    } finally {
      client.off('notice', onNotice as never)
    }
    if (backPressure.failure !== null) throw backPressure.failure
    return { end: positionOf(endRow), notices, damage }
  }

  /**
   * Streams until the end of the timeline, and resolves with what follows; null if the server says nothing of it.
   * @throws `objective-missed` if the server doesn't have the WAL any more.
   */
  async stream(
    { slot, timeline, start }: { slot: string; timeline: number; start: bigint },
    listener: WalListener,
  ): Promise<TimelineSwitch | null> {
    const { client } = this.session
    const command = `START_REPLICATION SLOT ${slot} PHYSICAL ${lsnText(start)} TIMELINE ${timeline}`
    try {
      const rows = await CopyCommand.run(client, command, {
        data: (bytes) => receive(bytes, listener),
        done: () => connectionOf(client).endCopyFrom(),
      })
      const next = rows.at(-1)
      if (next === undefined) return null
      return { timeline: Number(next['next_tli']), lsn: parseLsn(next['next_tli_startpos'] ?? '') }
    } catch (error) {
      throw walIsGone(this.session.translate(error), slot)
    }
  }

  /** Reports how far WAL was received, and how far the vault has it. Never report less than before. */
  sendStatus({ received, flushed, nowMs }: { received: bigint; flushed: bigint; nowMs: number }): void {
    const message = Buffer.alloc(34)
    message.write('r', 0, 'latin1')
    message.writeBigInt64BE(received, 1)
    message.writeBigInt64BE(flushed, 9)
    // With remote_apply, the server waits for this one.
    message.writeBigInt64BE(flushed, 17)
    message.writeBigInt64BE(BigInt(Math.round(nowMs - postgresEpochMs)) * 1000n, 25)
    connectionOf(this.session.client).sendCopyFromChunk(message)
  }

  /** While paused, nothing is received, and the server's own buffers fill. */
  pause(isPaused: boolean): void {
    const { stream } = connectionOf(this.session.client)
    if (isPaused) stream.pause()
    else stream.resume()
  }

  close(): Promise<void> {
    return this.session.close()
  }
}

/** Pauses a connection while its bytes wait for the vault. */
class BackPressure {
  private readonly connection: ReplicationConnection
  private readonly listener: BaseListener
  private isPaused = false
  failure: Error | null = null

  constructor(connection: ReplicationConnection, listener: BaseListener) {
    this.connection = connection
    this.listener = listener
  }

  apply(): void {
    if (this.isPaused || !this.listener.isBehind()) return
    this.isPaused = true
    this.connection.pause(true)
    void this.listener.drain().then(
      () => {
        this.isPaused = false
        this.connection.pause(false)
      },
      (error: unknown) => {
        this.failure = error as Error
        void this.connection.close()
      },
    )
  }
}

function positionOf(row: TextRow | null): WalPosition {
  const { recptr = null, tli = null } = row ?? {}
  if (recptr === null || tli === null)
    throw new HoldfastError('unsupported-format', 'the server gave no end of the base backup')
  return { lsn: parseLsn(recptr), timeline: Number(tli) }
}

function receive(message: Buffer, listener: WalListener): void {
  const type = message[0]
  if (type === 0x77 && message.length >= dataHeadBytes)
    listener.data(message.readBigUInt64BE(1), message.subarray(dataHeadBytes))
  else if (type === 0x6b && message.length === keepaliveBytes)
    listener.keepalive(message.readBigUInt64BE(1), message[17] === 1)
  else
    throw new HoldfastError(
      'unsupported-format',
      'the server sent an unknown message of the replication protocol',
    )
}

/** 15 starts the stream of a lost slot and then misses a file; 18 refuses it. */
function walIsGone(error: unknown, slot: string): unknown {
  if (!(error instanceof HoldfastError)) return error
  const state = error.context['sqlState']
  if (state !== '58P01' && !(state === '55000' && /slot/.test(error.message))) return error
  return gapAfter(slot, error.message, error)
}

export function gapAfter(slot: string, reason: string, cause?: HoldfastError): HoldfastError {
  return new HoldfastError('objective-missed', `the server no longer has the WAL that follows: ${reason}`, {
    hint: `the vault has a gap from here on: drop the slot (select pg_drop_replication_slot('${slot}')), start again with --create-slot, and make a new base backup`,
    context: { ...cause?.context, slot },
    cause,
  })
}

function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+)(kB|MB|GB|B)?$/.exec(text) ?? []
  const factor = { B: 1, kB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }[unit ?? 'B']!
  if (number === undefined)
    throw new HoldfastError('unsupported-format', `${JSON.stringify(text)} is not a size`)
  return Number(number) * factor
}

function parseMs(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s|min|h|d)?$/.exec(text) ?? []
  const factor = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? 'ms']!
  if (number === undefined)
    throw new HoldfastError('unsupported-format', `${JSON.stringify(text)} is not a time`)
  return Number(number) * factor
}
