// The agent's search for credentials: it reads every readable file and recognizes a key by its shape, not by its
// location.
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

export interface Candidate {
  /** Relative to the searched directory. */
  file: string
  accessKeyId: string
  secretAccessKey: string
}

const largestFileBytes = 1024 * 1024
const keyIdPattern = /(?<![A-Z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Z0-9])/g
const secretPattern = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g
/** Maximum distance of a secret from its key id, in characters. */
const neighbourhood = 400

export async function* searchCredentials(directory: string): AsyncGenerator<Candidate> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    if ((await stat(file)).size > largestFileBytes) continue
    for (const pair of findPairs(await readFile(file, 'latin1')))
      yield { file: path.relative(directory, file), ...pair }
  }
}

/** Every key id in `text` with every secret near it, nearest first. */
export function findPairs(text: string): Omit<Candidate, 'file'>[] {
  const secrets = [...text.matchAll(secretPattern)].map((match) => ({ value: match[0], at: match.index }))
  return [...text.matchAll(keyIdPattern)].flatMap((match) =>
    secrets
      .map((secret) => ({ ...secret, distance: Math.abs(secret.at - match.index) }))
      .filter(({ distance }) => distance <= neighbourhood)
      .sort((first, right) => first.distance - right.distance)
      .map(({ value }) => ({ accessKeyId: match[0], secretAccessKey: value })),
  )
}
