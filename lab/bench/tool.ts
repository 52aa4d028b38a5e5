// The compared backup tools, each run as a whole process.
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { exitStatus } from '../../core/errors.ts'
import type { Gateway } from './gateway.ts'
import type { Invocation } from './measured-process.ts'
import { measure } from './measured-process.ts'
import type { Programs } from './programs.ts'

/** The repository of one tool: its own bucket on the shared server, and its own cache. */
export interface Repository {
  bucket: string
  cache: string
}

export interface Tool {
  readonly name: ToolName
  /** Makes the bucket and initializes the repository; not timed. */
  prepare(repository: Repository): Promise<void>
  backup(repository: Repository, directory: string): Invocation
  /** The newest state, or `state`; whole, or only `path` below what was backed up. */
  restore(repository: Repository, target: string, selection?: { state?: string; path?: string }): Invocation
  /** Reads every byte of the newest state, and restores nothing. */
  verify(repository: Repository): Invocation
  /** The state in the output of a backup, in the form that `restore` takes. */
  stateOf(output: string): string
}

export type ToolName = 'holdfast' | 'restic'

const source = 'bench'

export function openHoldfast(programs: Programs, gateway: Gateway): Tool {
  const invocation = (args: string[], repository: Repository, directory: string): Invocation => ({
    program: programs.holdfast,
    args: [...args, '--source', source, '--bucket', repository.bucket, '--no-assume-role'],
    // PATH begins with the Node of this process.
    env: {
      ...gateway.environment,
      HOME: repository.cache,
      PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    },
    directory,
  })
  return {
    name: 'holdfast',
    prepare: ({ bucket }) => gateway.makeBucket(bucket, { locked: true }),
    backup: (repository, directory) =>
      invocation(['backup', directory, '--cache-dir', repository.cache], repository, directory),
    restore: (repository, target, selection = {}) => {
      const state = selection.state === undefined ? [] : ['--point-in-time', selection.state]
      return invocation(
        ['restore', ...(selection.path === undefined ? [] : [selection.path]), '--target', target, ...state],
        repository,
        programs.folder,
      )
    },
    // Status 9 is expected, because this store applies the bucket's default lock without a lock on each object.
    verify: (repository) => ({
      ...invocation(['verify', '--read-data'], repository, programs.folder),
      alsoEndsWith: exitStatus['vault-unsafe'],
    }),
    // The store's times have whole seconds, so the benchmark waits a second between two snapshots.
    stateOf: () => new Date().toISOString(),
  }
}

export function openRestic(programs: Programs, gateway: Gateway): Tool {
  const invocation = (args: string[], { bucket, cache }: Repository, directory: string): Invocation => {
    const { AWS_ENDPOINT_URL: _, ...credentials } = gateway.environment
    return {
      program: programs.restic,
      args,
      env: {
        ...credentials,
        HOME: cache,
        RESTIC_CACHE_DIR: cache,
        RESTIC_PASSWORD: 'bench',
        RESTIC_REPOSITORY: `s3:${gateway.endpoint}/${bucket}`,
      },
      directory,
    }
  }
  return {
    name: 'restic',
    prepare: async (repository) => {
      mkdirSync(repository.cache, { recursive: true })
      await gateway.makeBucket(repository.bucket, { locked: false })
      await measure(invocation(['init'], repository, programs.folder), repository.cache, 60)
    },
    // Run inside the directory, so that the snapshot has the same paths as Holdfast's.
    backup: (repository, directory) => invocation(['backup', '--json', '.'], repository, directory),
    restore: (repository, target, selection = {}) => {
      const include = selection.path === undefined ? [] : ['--include', join('/', selection.path)]
      return invocation(
        ['restore', selection.state ?? 'latest', '--target', target, ...include],
        repository,
        programs.folder,
      )
    },
    verify: (repository) => invocation(['check', '--read-data'], repository, programs.folder),
    stateOf: (output) => /"snapshot_id":"([0-9a-f]{64})"/.exec(output)?.[1] ?? 'latest',
  }
}
