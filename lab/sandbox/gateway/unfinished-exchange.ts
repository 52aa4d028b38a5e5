// Exchanges that don't end by the book: a payload left unread, an answer that is held back.

import type { IncomingMessage, ServerResponse } from 'node:http'

const maxDrainedBytes = 64 * 1024 * 1024

// Reading on for a while lets a client that is still sending come to the answer, instead of to a broken pipe.
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

/** Resolves after `ms` milliseconds, or as soon as the caller has gone. */
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
