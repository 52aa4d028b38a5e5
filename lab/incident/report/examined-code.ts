// Names of the code that a drill examined: the commit, and a hash of what the program declared. With them an auditor
// gets exactly the same again.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { sha256Hex } from '../../../core/digest.ts'
import type { CloudDeclaration } from '../../sandbox/declaration.ts'
import type { DrillReport } from './schema.ts'

const repository = resolve(import.meta.dirname, '../../..')

/** Null outside of a clone: in a copy without its history. */
export function commitOf(directory = repository): DrillReport['examined']['commit'] {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return { id: git('rev-parse', 'HEAD'), hasChanges: git('status', '--porcelain') !== '' }
  } catch {
    return null
  }
}

/** SHA-256 of policies, trusts, boundaries, locks and keys, with the names of each object in a fixed order. */
export function policiesHash(declaration: CloudDeclaration): string {
  const { accounts, buckets, roles, oidcProviders, keys } = declaration
  return sha256Hex(Buffer.from(canonicalJson({ accounts, buckets, roles, oidcProviders, keys })))
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([first], [second]) => (first < second ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`)
  return `{${entries.join(',')}}`
}
