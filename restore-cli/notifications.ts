// Sends the notifications of a command: builds the adapter of each channel, and reports each message.
import type { ChannelSettings } from '../checks/notifications/channel-settings.ts'
import type { Ledger } from '../checks/notifications/ledger.ts'
import type { RunNotices } from '../checks/notifications/notice.ts'
import type { ChannelResult, SendMessage } from '../checks/notifications/notify.ts'
import { HoldfastError } from '../core/errors.ts'
import type { Output } from './output.ts'
import { terminalText } from './render/terminal-text.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface NotificationRun {
  channels: Readonly<Record<string, ChannelSettings>>
  origin: string
  notices: RunNotices
  ledger: Ledger
  nowMs: number
  environment: Environment
  signal: AbortSignal
  output: Output
}

/**
 * @returns the first failure, which the caller reports after its own result; null if each message arrived.
 * @throws the reason of `signal`.
 */
export async function sendNotifications({
  output,
  environment,
  ...options
}: NotificationRun): Promise<HoldfastError | null> {
  if (Object.keys(options.channels).length === 0) return null
  const { notify } = await import('../checks/notifications/notify.ts')
  try {
    const results = await notify({ ...options, send: messageSender(environment) })
    for (const result of results) report(result, output)
    return results.find(({ failure }) => failure !== null)?.failure ?? null
  } catch (error) {
    options.signal.throwIfAborted()
    if (error instanceof HoldfastError) return error
    throw error
  }
}

function report({ channel, opened, reminded, recovered, failure }: ChannelResult, output: Output): void {
  const problem = failure === null ? null : failure.message
  output.record('notification', { channel, ok: failure === null, opened, reminded, recovered, problem })
  const counts = `${opened} new, ${reminded} still open, ${recovered} over`
  output.text(
    problem === null
      ? `notified ${channel}: ${counts}\n`
      : `NOT NOTIFIED ${channel} (${counts}): ${terminalText(problem)}\n`,
  )
}

function messageSender(environment: Environment): SendMessage {
  return async (channel, message, { name, signal }) => {
    const { messageRecord, messageSubject, messageText, slackRecord } =
      await import('../checks/notifications/message.ts')
    if (channel.kind === 'sns') {
      const { SnsTopic } = await import('../aws/sns-topic.ts')
      const topic = new SnsTopic(channel.topicArn, { environment, signal })
      try {
        await topic.publish(messageSubject(message), messageText(message))
      } finally {
        topic.close()
      }
      return
    }
    const { readChannelUrl } = await import('../checks/notifications/channel-settings.ts')
    const { postJson } = await import('../checks/notifications/http-channel.ts')
    const { makeAgents } = await import('../aws/http-agents.ts')
    const body = channel.kind === 'slack' ? slackRecord(message) : messageRecord(message)
    const url = readChannelUrl(channel, name, environment)
    await postJson(url, body, { name, signal, agents: makeAgents(environment) })
  }
}
