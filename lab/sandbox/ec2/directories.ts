// Copies and removes the directory trees of volumes and snapshots. Links are copied as links, never followed.

import {
  chmod,
  copyFile,
  lchown,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readlink,
  rm,
  symlink,
} from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { join } from 'node:path'

/**
 * Sockets, pipes and devices are not copied, because a snapshot of a block device wouldn't hold their
 * contents either.
 */
export async function copyTree(source: string, target: string): Promise<void> {
  const stats = await lstat(source)
  if (stats.isSymbolicLink()) await symlink(await readlink(source, 'buffer'), target)
  else if (stats.isFile()) await copyFile(source, target)
  else if (stats.isDirectory()) {
    await mkdir(target, { mode: 0o700 })
    for (const entry of await readdir(source)) await copyTree(join(source, entry), join(target, entry))
  } else return
  await copyAttributes(stats, target)
}

async function copyAttributes(stats: Stats, target: string): Promise<void> {
  if (process.getuid?.() === 0) await lchown(target, stats.uid, stats.gid)
  if (!stats.isSymbolicLink()) await chmod(target, stats.mode & 0o7777)
  await lutimes(target, stats.atimeMs / 1000, stats.mtimeMs / 1000)
}

export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}
