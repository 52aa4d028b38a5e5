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
import { readLine } from './resident-client.ts'

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
