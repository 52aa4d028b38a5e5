// Reads every entry and every byte of a restored directory. Follows no link, and writes nothing.
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { incompleteMark } from '../../core/snapshot/incomplete-mark.ts'
import { pathText } from '../../core/tree/path-text.ts'

export interface DirectoryResult {
  entries: number
  files: number
  /** The content of all files. */
  bytes: number
  links: number
  sha256: string
  findings: string[]
}

const readBytes = 1024 * 1024
const empty = Buffer.alloc(0)
const incompleteMarkName = Buffer.from(incompleteMark)

/**
 * The digest covers kind, path and content of every entry, in the order of the paths' bytes within each directory. It
 * excludes modes, owners and times, because they depend on the user that restored. @throws the reason of `signal`, or
 * why `root` can't be listed.
 */
export async function testDirectory(root: string, signal: AbortSignal): Promise<DirectoryResult> {
  const result = { entries: 0, files: 0, bytes: 0, links: 0, findings: [] as string[] }
  const tree = createHash('sha256')
  const buffer = Buffer.allocUnsafe(readBytes)
  const rootPath = Buffer.from(`${root}/`)
  const pending = (await listNames(rootPath)).reverse()
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    signal.throwIfAborted()
    const full = Buffer.concat([rootPath, path])
    if (path.equals(incompleteMarkName)) {
      // The mark is no part of the data.
      result.findings.push(
        'the restored snapshot was incomplete: holdfast snapshots --problems lists what it lacks',
      )
      continue
    }
    result.entries++
    try {
      const stat = await lstat(full)
      if (stat.isDirectory()) {
        addEntry(tree, 'directory', path, empty)
        const below = Buffer.concat([path, Buffer.from('/')])
        for (const name of (await listNames(full)).reverse()) pending.push(Buffer.concat([below, name]))
      } else if (stat.isFile()) {
        result.files++
        const { bytes, digest } = await readContent(full, buffer, signal)
        result.bytes += bytes
        addEntry(tree, 'file', path, digest)
      } else if (stat.isSymbolicLink()) {
        result.links++
        addEntry(tree, 'link', path, await readlink(full, { encoding: 'buffer' }))
      } else {
        addEntry(tree, 'other', path, empty)
      }
    } catch (error) {
      signal.throwIfAborted()
      result.findings.push(
        `${pathText(path)} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      )
    }
  }
  if (result.entries === 0) result.findings.push('the directory is empty')
  return { ...result, sha256: tree.digest('hex') }
}

async function listNames(directory: Buffer): Promise<Buffer[]> {
  return (await readdir(directory, { encoding: 'buffer' })).sort((first, second) =>
    Buffer.compare(first, second),
  )
}

/** The lengths precede the contents, so that no two trees give the same bytes. */
function addEntry(tree: Hash, kind: string, path: Buffer, content: Buffer): void {
  tree.update(`${kind} ${path.length} ${content.length}\n`).update(path).update(content)
}

async function readContent(
  file: Buffer,
  buffer: Buffer,
  signal: AbortSignal,
): Promise<{ bytes: number; digest: Buffer }> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return { bytes, digest: hash.digest() }
      hash.update(buffer.subarray(0, bytesRead))
      bytes += bytesRead
    }
  } finally {
    await handle.close()
  }
}
