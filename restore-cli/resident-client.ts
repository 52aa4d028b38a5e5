// Asks a resident process. It imports Node's own modules alone, because the light client of `wal-push` starts with
// little else.
import { lstatSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'

const lineLimitBytes = 64 * 1024
const openToOthers = 0o077

/**
 * @returns its response; null if none serves the socket, if it ended before it gave one, or if another user could
 * have made the socket: that one's word would let PostgreSQL remove WAL which no vault has.
 */
export async function askResident(socket: string, request: unknown): Promise<unknown> {
  if (!isOwnDirectory(dirname(socket))) return null
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

function isOwnDirectory(directory: string): boolean {
  const stats = lstatSync(directory, { throwIfNoEntry: false })
  return (
    stats?.isDirectory() === true && stats.uid === process.geteuid?.() && (stats.mode & openToOthers) === 0
  )
}

/** Null if the connection ends before the line does, or if the line is too long. */
export async function readLine(connection: Socket): Promise<string | null> {
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
