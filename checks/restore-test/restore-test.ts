// Tests restored data: reads every byte of the directory, and starts a PostgreSQL in it. No vault, no credentials, no
// network.
import { HoldfastError } from '../../core/errors.ts'
import type { ClusterResult } from './all-rows.ts'
import { testDirectory } from './directory.ts'
import type { DirectoryResult } from './directory.ts'
import { testCluster } from './postgres.ts'
import type { ClusterOptions } from './postgres.ts'
import { findingText } from '../finding-text.ts'
import { maxFindings } from './result.ts'
import type { RestoreTestResult } from './result.ts'

export interface RestoreTestOptions {
  directory: string
  /** The run that starts the test; the result repeats it. */
  run?: string
  /** How to start the PostgreSQL in the directory; undefined: the directory is a volume. */
  postgres?: Omit<ClusterOptions, 'dataDirectory'>
}

/** @throws `not-found` if the directory can't be listed, the errors of `testCluster`, or the reason of `signal`. */
export async function runRestoreTest(
  { directory, run, postgres }: RestoreTestOptions,
  signal: AbortSignal,
): Promise<RestoreTestResult> {
  const tree = await testDirectory(directory, signal).catch((cause: NodeJS.ErrnoException) => {
    if (signal.aborted) throw cause
    throw new HoldfastError('not-found', `the directory can't be listed: ${cause.code ?? 'unknown error'}`, {
      hint: 'name the directory that `holdfast restore` wrote to',
      cause,
    })
  })
  if (postgres !== undefined) refuseLinks(tree)
  const cluster =
    postgres !== undefined && tree.findings.length === 0
      ? await testCluster({ ...postgres, dataDirectory: directory }, signal)
      : null
  const findings = [...tree.findings, ...(cluster?.findings ?? [])]
  const { entries, files, bytes, sha256 } = tree
  return {
    type: 'examination',
    formatVersion: 1,
    run: run ?? null,
    kind: postgres === undefined ? 'volume' : 'postgres',
    ok: findings.length === 0,
    entries,
    files,
    bytes,
    sha256,
    postgres: cluster === null ? null : figuresOf(cluster),
    findings: findings.slice(0, maxFindings).map(findingText),
    findingCount: findings.length,
  }
}

/** PostgreSQL follows links, and writes to their targets, so we do not start it on a directory with links. */
function refuseLinks(tree: DirectoryResult): void {
  if (tree.links > 0)
    tree.findings.push(
      'PostgreSQL was not started: links lead out of its directory (a tablespace, or WAL elsewhere)',
    )
}

function figuresOf({ databases, tables, rows, sha256 }: ClusterResult): RestoreTestResult['postgres'] {
  return { databases, tables, rows, sha256 }
}
