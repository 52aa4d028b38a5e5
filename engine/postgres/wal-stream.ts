// Streams the WAL of a server into the vault, from a slot on, across timelines, restarts of the server and outages of
// the vault. It keeps no state of its own: the slot has the position.
import { HoldfastError } from '../../core/errors.ts'
import { segmentStart } from '../../core/wal/lsn.ts'
import { uploadWalHistory } from '../wal/wal-upload.ts'
import { ReplicationConnection, assertSlotName, gapAfter } from './replication.ts'
import type { ReplicatedSystem, SlotState } from './replication.ts'
import type { ServerAddress } from './session.ts'
import { TimelineStream, persist } from './timeline-stream.ts'
import type { StreamEnvironment, StreamPosition } from './timeline-stream.ts'

export interface WalStreamOptions extends StreamEnvironment {
  source: string
  address: ServerAddress
  slot: string
  /** Make the slot if it doesn't exist: WAL from before is not in the vault then. */
  createsSlot: boolean
  /** The name by which the server knows it, e.g. as a synchronous standby. */
  applicationName: string
}

/** From one connection to the next one. */
interface StreamState {
  systemId: string | null
  position: StreamPosition | null
}

/**
 * Runs until the signal.
 * @throws `conflict` for another cluster at the same address, `not-found` without the slot, `objective-missed` for a
 * gap.
 */
export async function streamWal(options: WalStreamOptions): Promise<void> {
  assertSlotName(options.slot)
  const state: StreamState = { systemId: null, position: null }
  for (;;) await persist(options, () => streamOnce(options, state))
}

async function streamOnce(options: WalStreamOptions, state: StreamState): Promise<void> {
  const { address, signal, applicationName } = options
  const connection = await ReplicationConnection.open({ address, signal, applicationName })
  try {
    const system = await connection.identify()
    assertSameCluster(state, system)
    const slot = await openSlot(options, connection)
    let position = state.position ?? firstPosition(options.slot, slot, system)
    await sendHistory(options, connection, system, position.timeline)
    options.onEvent({ kind: 'started', systemId: system.systemId, ...position })
    for (;;) {
      const stream = new TimelineStream(options, connection, system, { source: options.source, position })
      const next = await stream.run(options.slot).finally(() => {
        state.position = { timeline: position.timeline, lsn: stream.confirmed }
      })
      // The server is shutting down.
      if (next === null) return await options.clock.sleep(1000, signal)
      // The server copied the begin of the segment to the new timeline.
      position = { timeline: next.timeline, lsn: segmentStart(next.lsn, system.segmentBytes) }
      await sendHistory(options, connection, system, position.timeline)
      options.onEvent({ kind: 'timeline', timeline: next.timeline, lsn: next.lsn })
      state.position = position
    }
  } finally {
    await connection.close()
  }
}

function assertSameCluster(state: StreamState, { systemId }: ReplicatedSystem): void {
  const before = state.systemId ?? systemId
  state.systemId = before
  if (before === systemId) return
  throw new HoldfastError(
    'conflict',
    `the server is another cluster than before: ${systemId}, not ${before}`,
    {
      hint: 'stream another cluster under a source of its own; after pg_upgrade, start again and make a new base backup',
    },
  )
}

async function openSlot(
  { slot, createsSlot, onEvent }: WalStreamOptions,
  connection: ReplicationConnection,
): Promise<SlotState & { isNew: boolean }> {
  const existing = await connection.readSlot(slot)
  if (existing !== null) return { ...existing, isNew: false }
  if (!createsSlot) {
    throw new HoldfastError('not-found', `the server has no slot ${slot}`, {
      hint: 'pass --create-slot the first time. If the slot was there before, the WAL since then may be lost: make a new base backup afterwards',
    })
  }
  const created = await connection.createSlot(slot)
  if (created.restartLsn !== null) onEvent({ kind: 'slot-created', slot, lsn: created.restartLsn })
  return { ...created, isNew: true }
}

/** A new slot begins with its whole segment, because a base backup can begin in it. */
function firstPosition(
  slot: string,
  { restartLsn, timeline, isNew }: SlotState & { isNew: boolean },
  system: ReplicatedSystem,
): StreamPosition {
  // A slot that the server has invalidated, or one that was made without a reservation.
  if (restartLsn === null) throw gapAfter(slot, 'the slot keeps no WAL')
  const lsn = isNew ? segmentStart(restartLsn, system.segmentBytes) : restartLsn
  return { timeline: timeline ?? system.timeline, lsn }
}

/** A recovery needs the history of its timeline. A repeated upload costs one request. */
async function sendHistory(
  options: WalStreamOptions,
  connection: ReplicationConnection,
  { systemId }: ReplicatedSystem,
  timeline: number,
): Promise<void> {
  if (timeline === 1) return
  const bytes = await connection.timelineHistory(timeline)
  const line = { source: options.source, systemId, timeline }
  await persist(options, () => uploadWalHistory(options, line, bytes))
}
