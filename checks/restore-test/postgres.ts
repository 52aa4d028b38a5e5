// Tests whether a restored PostgreSQL starts and returns every row of every table: on a copy, or in place.
import { constants } from 'node:fs'
import { chmod, cp, lstat, mkdtemp, open, readdir, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { readAllRows } from './all-rows.ts'
import type { ClusterResult } from './all-rows.ts'
import { changeOwner, makeWritable, removeTree } from './disposable-tree.ts'
import { programUser } from './isolation.ts'
import type { Isolation, ProgramUser } from './isolation.ts'
import { resolveProgram } from './postgres-program.ts'
import type { StandaloneServer } from './standalone-server.ts'

export interface ClusterOptions {
  dataDirectory: string
  /** The directory of the program `postgres`; `{major}` in it stands for the cluster's major version. */
  programs: string
  /** `copy`: the server runs on a copy. `in-place`: it changes the data. `disposable`: it may own the data too. */
  mode: 'copy' | 'in-place' | 'disposable'
  scratch?: string
  isolation: Isolation
  /** Called when the server has replied for the first time. */
  onStart?: () => void
  /** Asks the server for more, after all rows were read. */
  inspect?: (server: StandaloneServer) => Promise<void>
}

/** Files that PostgreSQL reads without being told to, and files with which a hostile cluster could start a recovery. */
const hostileFiles = [
  'postgresql.auto.conf',
  'postgresql.conf',
  'pg_hba.conf',
  'pg_ident.conf',
  'recovery.signal',
  'standby.signal',
  'postmaster.opts',
  'postmaster.pid',
]
const majorPlaceholder = '{major}'
const maxVersionBytes = 4

/**
 * @throws `not-found` without the program. `damaged` if the cluster names no major version. `invalid-input` if it
 * can't run here. `not-isolated` if this machine can't keep the server apart. `target` without space for the copy. Or
 * the reason of `signal`.
 */
export async function testCluster(options: ClusterOptions, signal: AbortSignal): Promise<ClusterResult> {
  const { mode, isolation } = options
  const { programs, major } = await choosePrograms(options)
  const program = await resolveProgram(programs, major)
  const user = await chooseUser(options)
  await isolation.assertPossible(user, signal)
  const scratch = await mkdtemp(join(options.scratch ?? tmpdir(), 'holdfast-examine-')).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new HoldfastError(
        'target',
        `there is no directory for the copy: ${cause.code ?? 'unknown error'}`,
        {
          hint: 'pass a writable directory with --scratch',
          cause,
        },
      )
    },
  )
  try {
    const dataDirectory = mode === 'copy' ? join(scratch, 'data') : options.dataDirectory
    if (mode === 'copy') await copyFiles(options.dataDirectory, dataDirectory, signal)
    if (mode !== 'in-place') await makeWritable(dataDirectory)
    await setAsideHostileFiles(dataDirectory, mode)
    const [configurationFile, passwdFile] = [join(scratch, 'postgresql.conf'), join(scratch, 'passwd')]
    await writeFile(configurationFile, '', { mode: 0o600 })
    await writeFile(passwdFile, passwdText(user), { mode: 0o600 })
    if (user !== undefined)
      for (const directory of mode === 'disposable' ? [scratch, dataDirectory] : [scratch])
        await changeOwner(directory, user)
    await chmod(dataDirectory, 0o700)
    const server: StandaloneServer = {
      ...{ isolation, program, dataDirectory, configurationFile, passwdFile },
      ...(user === undefined ? {} : { user }),
    }
    const result = await readAllRows(server, options.onStart, signal)
    await options.inspect?.(server)
    return result
  } finally {
    await removeTree(scratch)
  }
}

/**
 * Only digits of the hostile PG_VERSION get into the path. Without `{major}` the server judges a PG_VERSION of no
 * number.
 */
async function choosePrograms({
  dataDirectory,
  programs,
}: ClusterOptions): Promise<{ programs: string; major: string | null }> {
  const isNeeded = programs.includes(majorPlaceholder)
  const text = await readStart(join(dataDirectory, 'PG_VERSION'), maxVersionBytes).catch((cause: unknown) => {
    if (isNeeded) throw noCluster(cause)
    return ''
  })
  const major = /^(\d{1,3})\n?$/.exec(text)?.[1] ?? null
  if (major === null && isNeeded) throw noCluster()
  return { programs: programs.replaceAll(majorPlaceholder, major ?? ''), major }
}

/** Reads one byte over the limit, so that a longer file is not accepted for its beginning. */
async function readStart(file: string, maxBytes: number): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

function noCluster(cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', 'PG_VERSION names no major version', {
    hint: 'restore it again; an older snapshot may be intact',
    cause,
  })
}

/** PostgreSQL refuses to run as root. Then we run it as an unprivileged user, or in place as the owner of the data. */
async function chooseUser({ dataDirectory, mode }: ClusterOptions): Promise<ProgramUser | undefined> {
  const user = programUser()
  if (user === undefined || mode !== 'in-place') return user
  const { uid, gid } = await lstat(dataDirectory)
  if (uid !== 0) return { uid, gid }
  throw new HoldfastError('invalid-input', "PostgreSQL can't run as root, and root owns the data", {
    hint: 'leave out --in-place, or run this command as another user',
  })
}

/** Copies only files and directories, because a link can lead elsewhere and a pipe never ends. */
async function copyFiles(from: string, to: string, signal: AbortSignal): Promise<void> {
  await cp(from, to, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    filter: async (path) => {
      signal.throwIfAborted()
      const stat = await lstat(path)
      return stat.isFile() || stat.isDirectory()
    },
  }).catch((cause: NodeJS.ErrnoException) => {
    signal.throwIfAborted()
    throw new HoldfastError('target', `the data can't be copied: ${cause.code ?? 'unknown error'}`, {
      hint: 'pass a directory with more space with --scratch, or use --in-place',
      cause,
    })
  })
}

/** PostgreSQL refuses to run as a user without a name. */
export function passwdText(user: ProgramUser | undefined): string {
  const { uid, gid } = user ?? { uid: process.getuid!(), gid: process.getgid!() }
  return `restored:x:${uid}:${gid}::/:/bin/false\n`
}

async function setAsideHostileFiles(dataDirectory: string, mode: ClusterOptions['mode']): Promise<void> {
  const present = new Set(await readdir(dataDirectory))
  if (mode === 'in-place' && present.has('postmaster.pid')) {
    throw new HoldfastError(
      'invalid-input',
      'a server may be running on the directory: it has a postmaster.pid',
      {
        hint: 'leave out --in-place; or, if no server was started on this restored copy, remove that file',
      },
    )
  }
  for (const name of hostileFiles) {
    if (present.has(name)) await rename(join(dataDirectory, name), join(dataDirectory, `${name}.set-aside`))
  }
}
