// Exchanges with an irregular end: a payload that was left unread, or a reply that a fault delays.

import type { IncomingMessage, ServerResponse } from 'node:http'

const maxDrainedBytes = 64 * 1024 * 1024

// Reads on for a while, so that a client that is still sending reaches the reply instead of a broken pipe.
export function drain(message: IncomingMessage, response: ServerResponse): void {
  let drained = 0
  message.on('data', (part: Buffer) => {
    drained += part.length
    if (drained > maxDrainedBytes) message.destroy()
  })
  const timer = setTimeout(() => message.destroy(), 10_000)
  response.once('close', () => clearTimeout(timer))
  message.resume()
}

/** Resolves after `ms` milliseconds, or as soon as the connection closes. */
export function waitUnlessClosed(response: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, ms)
    response.once('close', end)
  })
}
