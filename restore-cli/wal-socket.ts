// The socket of the resident process that serves a command line. Another version, directory, option, variable or
// configuration has a socket of its own, so that a command never gets the work of a process with other settings. It
// imports Node's own modules alone: see resident-client.ts.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toolVersion } from './tool-version.ts'

/** Variables that decide how the vault is reached. */
const settings = /^(?:AWS_|HOLDFAST_|HTTPS?_PROXY$|NO_PROXY$|https?_proxy$|no_proxy$|HOME$|XDG_CACHE_HOME$)/

export type Environment = Readonly<Record<string, string | undefined>>

/** @param identity of the work, besides the variables of the environment. */
export function walSocket(environment: Environment, identity: unknown): string {
  const variables = Object.entries(environment)
    .filter(([name, value]) => settings.test(name) && value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const whole = [toolVersion(), process.execPath, variables, identity]
  const digest = createHash('sha256').update(JSON.stringify(whole)).digest('hex').slice(0, 24)
  const directory = environment['XDG_RUNTIME_DIR'] || tmpdir()
  return join(directory, `holdfast-wal-${process.geteuid?.() ?? 0}`, digest)
}

/** The socket of `wal-push` with `options`, which are its arguments without the file. */
export function pushSocket(environment: Environment, options: readonly string[]): string {
  const files = options.map((option) => fileIdentity(option.replace(/^--[a-z-]+=/, '')))
  return walSocket(environment, ['wal-push', process.cwd(), options, files])
}

/** A configuration that was written anew is another one. Empty for what is no file. */
export function fileIdentity(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true ? `${stats.ino} ${stats.size} ${stats.mtimeMs}` : ''
}
