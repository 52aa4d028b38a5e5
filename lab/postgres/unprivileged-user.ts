// The user for PostgreSQL, which refuses to run as root. We use an existing user and create none.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'

const run = promisify(execFile)

export interface UserIds {
  uid: number
  gid: number
}

/**
 * The ids of an unprivileged user if this process runs as root; otherwise null, because the current user can run the
 * server.
 */
export async function findUnprivilegedUser(): Promise<UserIds | null> {
  if (process.getuid?.() !== 0) return null
  const ask = async (flag: '-u' | '-g') => Number((await run('id', [flag, 'nobody'])).stdout.trim())
  try {
    const [uid, gid] = await Promise.all([ask('-u'), ask('-g')])
    if (Number.isInteger(uid) && Number.isInteger(gid) && uid !== 0) return { uid, gid }
  } catch {
    // Reported below, because a failed `id` and an unusable result have the same consequence.
  }
  throw new HoldfastError('not-found', 'there is no unprivileged user to run PostgreSQL as', {
    hint: 'run the drill as an ordinary user instead of root',
  })
}
