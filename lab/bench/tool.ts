// What is compared: a backup tool as a whole process, told where to back up to and what to bring back.
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { exitStatus } from '../../core/errors.ts'
import type { Gateway } from './gateway.ts'
import type { Invocation } from './measured-process.ts'
import { measure } from './measured-process.ts'
import type { Tools } from './tools.ts'

/** A repository of one contender: a bucket of its own on the same server, and its own cache. */
export interface Repository {
  bucket: string
  cache: string
}

export interface Contender {
  readonly name: ContenderName
  /** Makes the bucket and what the tool wants to find in it; not timed. */
  prepare(repository: Repository): Promise<void>
  backup(repository: Repository, directory: string): Invocation
  /** The newest state, or `state`; whole, or only `path` below what was backed up. */
  restore(repository: Repository, target: string, what?: { state?: string; path?: string }): Invocation
  /** Reads the newest state back, every byte, and restores nothing. */
  verify(repository: Repository): Invocation
  /** The state that the output of a backup names, as `restore` takes it. */
  stateOf(output: string): string
}

export type ContenderName = 'holdfast' | 'restic'

const source = 'bench'

export function openHoldfast(tools: Tools, gateway: Gateway): Contender {
  const invocation = (args: string[], repository: Repository, directory: string): Invocation => ({
    program: tools.holdfast,
    args: [...args, '--source', source, '--bucket', repository.bucket, '--no-assume-role'],
    // Under the Node that runs this.
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
    restore: (repository, target, what = {}) => {
      const state = what.state === undefined ? [] : ['--point-in-time', what.state]
      return invocation(
        ['restore', ...(what.path === undefined ? [] : [what.path]), '--target', target, ...state],
        repository,
        tools.folder,
      )
    },
    // The store keeps the bucket's default lock beside its objects: none of them has its own, which is what 9 says.
    verify: (repository) => ({
      ...invocation(['verify', '--read-data'], repository, tools.folder),
      alsoEndsWith: exitStatus['vault-unsafe'],
    }),
    // The point in time is the store's second: the bench lets one pass between two snapshots.
    stateOf: () => new Date().toISOString(),
  }
}

export function openRestic(tools: Tools, gateway: Gateway): Contender {
  const invocation = (args: string[], { bucket, cache }: Repository, directory: string): Invocation => {
    const { AWS_ENDPOINT_URL: _, ...credentials } = gateway.environment
    return {
      program: tools.restic,
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
      await measure(invocation(['init'], repository, tools.folder), repository.cache, 60)
    },
    // From inside, so that its snapshot has the same paths as the other's.
    backup: (repository, directory) => invocation(['backup', '--json', '.'], repository, directory),
    restore: (repository, target, what = {}) => {
      const include = what.path === undefined ? [] : ['--include', join('/', what.path)]
      return invocation(
        ['restore', what.state ?? 'latest', '--target', target, ...include],
        repository,
        tools.folder,
      )
    },
    verify: (repository) => invocation(['check', '--read-data'], repository, tools.folder),
    stateOf: (output) => /"snapshot_id":"([0-9a-f]{64})"/.exec(output)?.[1] ?? 'latest',
  }
}
