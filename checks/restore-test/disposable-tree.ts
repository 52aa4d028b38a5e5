// Restored trees that are to be started, and then removed. Their modes can deny their owner, and a link in them can
// lead elsewhere: no link is followed.
import { chmod, lchown, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgramUser } from './isolation.ts'

/** A server must be able to write the tree, and we must be able to remove it without the rights of root. */
export async function makeWritable(root: string): Promise<void> {
  // Names are bytes, and need not be UTF-8.
  const pending = [Buffer.from(root)]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    await chmod(directory, 0o700)
    const prefix = Buffer.concat([directory, Buffer.from('/')])
    for (const entry of await readdir(directory, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([prefix, entry.name])
      if (entry.isDirectory()) pending.push(path)
      else if (entry.isFile()) await chmod(path, 0o600)
    }
  }
}

export async function changeOwner(root: string, { uid, gid }: ProgramUser): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  for (const path of [root, ...entries.map((entry) => join(entry.parentPath, entry.name))])
    await lchown(path, uid, gid)
}

export async function removeTree(root: string): Promise<void> {
  await makeWritable(root)
  await rm(root, { recursive: true, force: true })
}
