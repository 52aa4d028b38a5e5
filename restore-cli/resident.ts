// A resident process does the work of short commands: PostgreSQL starts `wal-push` for each segment, and a start with
// a new connection to the store takes longer than the upload. The command passes its request over a socket, in a
// directory that no other user may enter. It waits for the result, so that it succeeds only if the work did.
//
// A request and its response are one line of JSON each.
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { dirname } from 'node:path'
import { prepareCacheDirectory } from '../engine/backup/cache-directory.ts'

const lineLimitBytes = 64 * 1024

export interface ResidentOptions {
  /** The path of the socket; at most 100 bytes. */
  socket: string
  handle: (request: unknown) => Promise<unknown>
  /** It ends when no request came for so long. */
  idleMs: number
  /** It ends after so long in any case, when the requests in work are done: configuration and credentials change. */
  ageMs: number
  signal: AbortSignal
}

/** Serves until it is idle, old or stopped. @returns false if another process serves this socket already. */
export async function serveResident(options: ResidentOptions): Promise<boolean> {
  const { socket, idleMs, ageMs, signal } = options
  prepareSocketDirectory(dirname(socket))
  const server = createServer({ allowHalfOpen: true })
  if (!(await listen(server, socket))) return false
  await new Promise<void>((resolve) => {
    let open = 0
    let idleTimer: NodeJS.Timeout | undefined
    const close = (): void => {
      clearTimeout(idleTimer)
      clearTimeout(ageTimer)
      signal.removeEventListener('abort', close)
      server.close(() => resolve())
    }
    const ageTimer = setTimeout(close, ageMs)
    const watchIdle = (): void => {
      clearTimeout(idleTimer)
      if (open === 0) idleTimer = setTimeout(close, idleMs)
    }
    signal.addEventListener('abort', close, { once: true })
    server.on('connection', (connection) => {
      open++
      clearTimeout(idleTimer)
      connection.once('close', () => {
        open--
        watchIdle()
      })
      void respond(connection, options.handle)
    })
    watchIdle()
  })
  return true
}

/**
 * Asks a resident process.
 * @returns its response; null if none serves the socket, or if it ended before it gave one.
 */
export async function askResident(socket: string, request: unknown): Promise<unknown> {
  const connection = connect(socket)
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('connect', resolve)
      connection.once('error', reject)
    })
    connection.end(`${JSON.stringify(request)}\n`)
    const line = await readLine(connection)
    return line === null ? null : (JSON.parse(line) as unknown)
  } catch {
    return null
  } finally {
    connection.destroy()
  }
}

/** Gives no response to a request that can't be read, or whose handler failed: the client does the work itself. */
async function respond(connection: Socket, handle: ResidentOptions['handle']): Promise<void> {
  // Ignore: a client that goes away gets no response, and its work is done all the same.
  connection.on('error', () => {})
  try {
    const line = await readLine(connection)
    if (line !== null) connection.end(`${JSON.stringify(await handle(JSON.parse(line)))}\n`)
  } catch {
    connection.destroy()
  } finally {
    if (!connection.writableEnded) connection.destroy()
  }
}

/** Null if the connection ends before the line does, or if the line is too long. */
async function readLine(connection: Socket): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of connection.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    const end = chunk.indexOf(0x0a)
    chunks.push(end < 0 ? chunk : chunk.subarray(0, end))
    bytes += chunk.length
    if (bytes > lineLimitBytes) return null
    if (end >= 0) return Buffer.concat(chunks).toString()
  }
  return null
}

/** @throws `invalid-input` for a directory that another user made, or can change. */
function prepareSocketDirectory(directory: string): void {
  prepareCacheDirectory(directory, {
    name: 'the directory of the socket',
    hint: 'remove it, or set XDG_RUNTIME_DIR to a directory of this user alone',
  })
  chmodSync(directory, 0o700)
}

/** A socket without a process behind it stays after a kill. */
async function listen(server: Server, socket: string): Promise<boolean> {
  const attempt = (): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error)
      server.once('error', fail)
      server.listen(socket, () => {
        server.off('error', fail)
        resolve(true)
      })
    })
  if (await attempt()) return true
  if (await isServed(socket)) return false
  rmSync(socket, { force: true })
  return attempt()
}

function isServed(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}
