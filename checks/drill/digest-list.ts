// Compares restored files with a list of digests, as `sha256sum` writes it.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { countOf } from '../../core/count-text.ts'
import { HoldfastError } from '../../core/errors.ts'

export const maxDigestListBytes = 4 * 1024 * 1024
/** A finding names this many files, and counts the others. */
const maxNamed = 3

export interface DigestList {
  name: string
  digests: ReadonlyMap<string, string>
}

/** @throws `invalid-input` for a line that has no digest, or a path that leads out of the source. */
export function parseDigestList(text: string, name: string): DigestList {
  const digests = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue
    const [, digest, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/.exec(line) ?? []
    if (digest === undefined || path === undefined || path.startsWith('/') || path.split('/').includes('..'))
      throw new HoldfastError(
        'invalid-input',
        `line ${index + 1} of ${name} is no digest of a file below the source`,
        {
          hint: 'make the list with `sha256sum` in the root of the source',
        },
      )
    digests.set(path, digest)
  }
  if (digests.size > 0) return { name, digests }
  throw new HoldfastError('invalid-input', `${name} has no digest`, {
    hint: 'make the list with `sha256sum` in the root of the source',
  })
}

/** @throws the reason of `signal`. */
export async function compareDigests(
  root: string,
  { digests }: DigestList,
  signal: AbortSignal,
): Promise<{ ok: boolean; detail: string }> {
  const realRoot = await realpath(root)
  const wrong: string[] = []
  for (const [path, digest] of digests) {
    signal.throwIfAborted()
    if ((await digestOf(realRoot, path, signal)) !== digest) wrong.push(path)
  }
  if (wrong.length === 0) return { ok: true, detail: `${countOf(digests.size, 'file')} as listed` }
  const names = wrong.slice(0, maxNamed).join(', ')
  return {
    ok: false,
    detail: `${wrong.length} of ${countOf(digests.size, 'file')} differ or are missing: ${names}`,
  }
}

/** Null for a file that can't be read, and for one behind a link that leads out of the restored directory. */
async function digestOf(realRoot: string, path: string, signal: AbortSignal): Promise<string | null> {
  try {
    const file = await realpath(join(realRoot, path))
    if (!file.startsWith(`${realRoot}${sep}`)) return null
    const hash = createHash('sha256')
    await pipeline(createReadStream(file), hash, { signal })
    return hash.digest('hex')
  } catch {
    signal.throwIfAborted()
    return null
  }
}
