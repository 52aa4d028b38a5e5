// PostgreSQL refuses to run as root: then it runs as a user that exists already, and none is created.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HoldfastError } from '../../core/errors.ts'

const run = promisify(execFile)

export interface UserIds {
  uid: number
  gid: number
}

/** The ids of `nobody` when running as root; null when not root, where everything runs as oneself. */
export async function findUnprivilegedUser(): Promise<UserIds | null> {
  if (process.getuid?.() !== 0) return null
  const ask = async (flag: '-u' | '-g') => Number((await run('id', [flag, 'nobody'])).stdout.trim())
  try {
    const [uid, gid] = await Promise.all([ask('-u'), ask('-g')])
    if (Number.isInteger(uid) && Number.isInteger(gid) && uid !== 0) return { uid, gid }
  } catch {
    // Reported below: the reason is the same whether `id` fails or answers nonsense.
  }
  throw new HoldfastError('not-found', 'there is no unprivileged user to run PostgreSQL as', {
    hint: 'run the drill as an ordinary user instead of root',
  })
}
