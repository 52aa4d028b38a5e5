// Where a program runs that executes restored data. An attacker may have written functions, types and programs into a
// cluster, and a test of its rows executes them. So the program must find nothing: no file, process, network or
// variable of the caller.
import { spawn } from 'node:child_process'
import { accessSync, lstatSync, readlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { findingText } from '../finding-text.ts'

export interface ProgramUser {
  uid: number
  gid: number
}

export interface ProgramCommand {
  /** Absolute path, without links. */
  program: string
  args: readonly string[]
}

/** Besides its own directory and the system's libraries, a program sees these, each under the path that it has. */
export interface VisiblePaths {
  writable: readonly string[]
  readable: readonly string[]
  /** A file of ours that the program reads as `/etc/passwd`. */
  passwd?: string
}

/** One way to keep a program apart from the caller. */
export interface Isolation {
  /** @throws `not-isolated` if this machine can't keep a program of `user` apart; or the reason of `signal`. */
  assertPossible(user: ProgramUser | undefined, signal: AbortSignal): Promise<void>
  enclose(command: ProgramCommand, visible: VisiblePaths): ProgramCommand
}

/** User id 65534 has no rights on any Linux. */
const unprivilegedUser = { uid: 65_534, gid: 65_534 }

/** Never root: undefined stands for the user of this process. */
export function programUser(): ProgramUser | undefined {
  return process.getuid?.() === 0 ? unprivilegedUser : undefined
}

/** The program inherits nothing: no credentials, no library path, no proxy. */
export const programEnvironment = { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' }

/** On a merged /usr they are links into it. */
const systemDirectories = ['/bin', '/lib', '/lib32', '/lib64', '/sbin']
/** How the dynamic linker finds libraries. No other file of /etc is a library's. */
const linkerFiles = ['/etc/ld.so.cache', '/etc/alternatives']
/** Beside the directory `bin` of an installation. */
const installationDirectories = ['lib', 'lib64', 'share']

/**
 * Namespaces of its own for the program: users, files, processes, network, IPC. bubblewrap makes them, without rights
 * of root. The program can't make further ones, and ends when its caller ends.
 */
export class Namespaces implements Isolation {
  private readonly bubblewrap: string

  /** @param bubblewrap path of `bwrap`, or its name in /usr/bin. */
  constructor(bubblewrap = 'bwrap') {
    this.bubblewrap = bubblewrap
  }

  async assertPossible(user: ProgramUser | undefined, signal: AbortSignal): Promise<void> {
    const { program, args } = this.enclose(
      { program: '/bin/sh', args: ['-c', ':'] },
      { writable: [], readable: [] },
    )
    const problem = await new Promise<string | null>((resolve) => {
      const child = spawn(program, args, {
        cwd: '/',
        env: programEnvironment,
        stdio: ['ignore', 'ignore', 'pipe'],
        shell: false,
        signal,
        ...user,
      })
      let errors = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-500)))
      child.once('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code === 'ENOENT' ? 'there is no program bwrap' : error.message),
      )
      child.once('close', (status) => resolve(status === 0 ? null : errors.trim() || `status ${status}`))
      // Node throws where the user doesn't exist in this container.
    }).catch((error: Error) => error.message)
    signal.throwIfAborted()
    if (problem !== null) throw notIsolated(findingText(problem))
  }

  enclose({ program, args }: ProgramCommand, { writable, readable, passwd }: VisiblePaths): ProgramCommand {
    const bind = (option: string, paths: readonly string[]) => paths.flatMap((path) => [option, path, path])
    return {
      program: this.bubblewrap,
      args: [
        ...['--unshare-all', '--unshare-user', '--disable-userns', '--die-with-parent', '--new-session'],
        ...['--cap-drop', 'ALL', '--hostname', 'restore-test'],
        ...bind('--ro-bind', ['/usr']),
        ...systemDirectories.flatMap(showSystemDirectory),
        ...bind('--ro-bind-try', linkerFiles),
        ...['--dev', '/dev', '--tmpfs', '/tmp'],
        // The dynamic linker finds libraries beside the program by this link ($ORIGIN): no other part of /proc.
        ...['--symlink', program, '/proc/self/exe'],
        ...bind('--ro-bind-try', installationOf(program)),
        ...bind('--ro-bind', readable),
        ...bind('--bind', writable),
        ...(passwd === undefined ? [] : ['--ro-bind', passwd, '/etc/passwd']),
        ...['--remount-ro', '/', '--chdir', '/', '--', program, ...args],
      ],
    }
  }
}

/**
 * The task of a container that has nothing to keep apart from: no role, no credentials, no way to the vault. Fargate
 * allows no namespaces to its containers. Each of its tasks has a virtual machine of its own.
 */
export class FargateTask implements Isolation {
  private readonly environment: Readonly<Record<string, string | undefined>>

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.environment = environment
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- another way of isolation waits for a process.
  async assertPossible(): Promise<void> {
    if (this.environment['AWS_EXECUTION_ENV'] !== 'AWS_ECS_FARGATE')
      throw notIsolated('--isolation task is for a task of Fargate, and this is none')
    const credential = credentialVariables.find((name) => this.environment[name] !== undefined)
    if (credential !== undefined) throw notIsolated(`the task has credentials: ${credential}`)
  }

  enclose(command: ProgramCommand): ProgramCommand {
    return command
  }
}

const credentialVariables = [
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
]

function showSystemDirectory(path: string): string[] {
  try {
    return lstatSync(path).isSymbolicLink()
      ? ['--symlink', readlinkSync(path), path]
      : ['--ro-bind', path, path]
  } catch {
    return []
  }
}

/** The program, and what lies beside its `bin`; nothing else of a directory that could be a user's home. */
function installationOf(program: string): string[] {
  if (program.startsWith('/usr/')) return []
  const directory = dirname(program)
  if (basename(directory) !== 'bin') return [program]
  return [program, ...installationDirectories.map((name) => join(dirname(directory), name))].filter(exists)
}

function exists(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

function notIsolated(reason: string): HoldfastError {
  return new HoldfastError(
    'not-isolated',
    `restored programs can't be kept apart from this machine: ${reason}`,
    {
      hint: 'install bubblewrap 0.8 or later, and allow user namespaces (docs/cli.md); or run this on another machine',
    },
  )
}
