// Commits an empty transaction on an idle server. A recovery to a time needs a later commit, and an idle server has
// none.
import { isHoldfastError } from '../../core/errors.ts'
import { PostgresSession } from './session.ts'
import type { StreamEvent } from './timeline-stream.ts'
import { streamWal } from './wal-stream.ts'
import type { WalStreamOptions } from './wal-stream.ts'

/** Takes an id of a transaction, and so writes a commit with its time. It needs no table and no right. */
const beat = `select case when pg_is_in_recovery() then null else pg_current_xact_id()::text end as xid`

export async function streamWithHeartbeat(
  options: WalStreamOptions & { heartbeatMs: number },
): Promise<void> {
  const { heartbeatMs } = options
  if (heartbeatMs === 0) return streamWal(options)
  let hasCommits = false
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const onEvent = (event: StreamEvent): void => {
    if (event.kind === 'part' && event.lastCommitUs !== null) hasCommits = true
    options.onEvent(event)
  }
  const isIdle = (): boolean => {
    const wasIdle = !hasCommits
    hasCommits = false
    return wasIdle
  }
  const heart = runHeartbeat({ ...options, signal }, isIdle)
  try {
    await streamWal({ ...options, onEvent })
  } finally {
    stop.abort()
    await heart
  }
}

/** Ends with the signal alone: without a heart, a stream is as good as before. */
async function runHeartbeat(
  options: WalStreamOptions & { heartbeatMs: number; signal: AbortSignal },
  isIdle: () => boolean,
): Promise<void> {
  const { address, clock, heartbeatMs, onEvent, signal } = options
  let session: PostgresSession | null = null
  while (!signal.aborted) {
    try {
      await clock.sleep(heartbeatMs, signal)
      if (!isIdle()) continue
      session ??= await PostgresSession.open({ address, signal, applicationName: 'holdfast heartbeat' })
      await session.row(beat)
    } catch (error) {
      await session?.close()
      session = null
      if (!signal.aborted && isHoldfastError(error))
        onEvent({ kind: 'waiting', reason: `no heartbeat: ${error.message}` })
    }
  }
  await session?.close()
}
