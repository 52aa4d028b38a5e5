// Tells each channel what is new since the last message to it. A channel that fails is reported, and never hides the
// result of the run or the other channels.
import { HoldfastError } from '../../core/errors.ts'
import type { ChannelSettings } from './channel-settings.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'
import { entriesAfter, planMessage } from './message.ts'
import type { Message } from './message.ts'
import type { RunNotices } from './notice.ts'

/** All attempts at all channels together. */
const budgetMs = 60_000

/** @throws HoldfastError, or the reason of `signal`. */
export type SendMessage = (
  channel: ChannelSettings,
  message: Message,
  options: { name: string; signal: AbortSignal },
) => Promise<void>

export interface NotifyOptions {
  channels: Readonly<Record<string, ChannelSettings>>
  /** The vault's address, for the message. */
  origin: string
  notices: RunNotices
  ledger: Ledger
  nowMs: number
  send: SendMessage
  signal: AbortSignal
}

export interface ChannelResult {
  channel: string
  opened: number
  reminded: number
  recovered: number
  /** Null: the message arrived. */
  failure: HoldfastError | null
}

/**
 * Channels without news have no result.
 * @throws the reason of `signal`.
 */
export async function notify(options: NotifyOptions): Promise<ChannelResult[]> {
  const { channels, ledger, signal } = options
  const content = ledger.read()
  const budget = AbortSignal.any([signal, AbortSignal.timeout(budgetMs)])
  const next: Record<string, readonly LedgerEntry[]> = { ...content }
  const results = await Promise.all(
    Object.entries(channels).map(async ([name, channel]): Promise<ChannelResult | null> => {
      const entries = content[name] ?? []
      const { origin, notices, nowMs } = options
      const message = planMessage(origin, notices, { channel, entries, nowMs })
      if (message === null) return null
      const failure = await attempt(options, { name, message, budget })
      if (failure === null) next[name] = entriesAfter(entries, message, nowMs)
      const { opened, reminded, recovered } = message
      return {
        ...{ channel: name, failure },
        ...{ opened: opened.length, reminded: reminded.length, recovered: recovered.length },
      }
    }),
  )
  const sent = results.filter((result) => result !== null)
  if (sent.length > 0) ledger.write(next)
  return sent
}

async function attempt(
  { channels, send, signal }: NotifyOptions,
  { name, message, budget }: { name: string; message: Message; budget: AbortSignal },
): Promise<HoldfastError | null> {
  try {
    await send(channels[name]!, message, { name, signal: budget })
    return null
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof HoldfastError) return error
    if (budget.aborted)
      return new HoldfastError('unreachable', `the channel ${name} did not take the notification in time`, {
        hint: 'look at the address of the channel; the next run sends the notification again',
      })
    throw error
  }
}
