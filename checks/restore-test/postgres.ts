// Tests whether a restored PostgreSQL starts and returns every row of every table: on a copy, or in place if the data
// is disposable.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import {
  access,
  chmod,
  chown,
  cp,
  lstat,
  mkdtemp,
  open,
  readdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { resultColumn, runStandalone } from './standalone-server.ts'
import type { ServerUser, StandaloneServer } from './standalone-server.ts'

export interface ClusterOptions {
  dataDirectory: string
  /** The directory of the program `postgres`; `{major}` in it stands for the cluster's major version. */
  programs: string
  isInPlace: boolean
  scratch?: string
}

export interface ClusterResult {
  databases: number
  tables: number
  rows: number
  /** Over the rows of all tables except the system catalogs; the order of rows does not change it. */
  sha256: string
  findings: string[]
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
/** User id 65534 has no rights on any Linux. */
const unprivilegedUser = 65_534

/**
 * @throws `not-found` without the program, `damaged` if the cluster names no major version, `invalid-input` if it
 * can't run here, `target` without space for the copy, or the reason of `signal`.
 */
export async function testCluster(options: ClusterOptions, signal: AbortSignal): Promise<ClusterResult> {
  const program = join(await choosePrograms(options), 'postgres')
  await access(program, constants.X_OK).catch((cause: unknown) => {
    throw new HoldfastError('not-found', `there is no executable program ${program}`, {
      hint: 'pass the directory of `postgres` with --postgres-bin',
      cause,
    })
  })
  const user = await chooseUser(options)
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
    const dataDirectory = options.isInPlace ? options.dataDirectory : join(scratch, 'data')
    if (!options.isInPlace) await copyFiles(options.dataDirectory, dataDirectory, signal)
    await makeWritable(scratch)
    await setAsideHostileFiles(dataDirectory, options.isInPlace)
    const configurationFile = join(scratch, 'postgresql.conf')
    await writeFile(configurationFile, '', { mode: 0o600 })
    if (user !== undefined) await changeOwner(scratch, user)
    await chmod(dataDirectory, 0o700)
    return await readAllRows(
      { program, dataDirectory, configurationFile, ...(user === undefined ? {} : { user }) },
      signal,
    )
  } finally {
    // An interrupted copy still has the modes of the source, which can prevent its removal.
    await makeWritable(scratch)
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Only digits of the hostile PG_VERSION get into the path. */
async function choosePrograms({ dataDirectory, programs }: ClusterOptions): Promise<string> {
  if (!programs.includes(majorPlaceholder)) return programs
  const text = await readStart(join(dataDirectory, 'PG_VERSION'), maxVersionBytes).catch((cause: unknown) => {
    throw noCluster(cause)
  })
  const major = /^(\d{1,3})\n?$/.exec(text)?.[1]
  if (major === undefined) throw noCluster()
  return programs.replaceAll(majorPlaceholder, major)
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
async function chooseUser({ dataDirectory, isInPlace }: ClusterOptions): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  if (!isInPlace) return { uid: unprivilegedUser, gid: unprivilegedUser }
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

async function setAsideHostileFiles(dataDirectory: string, isInPlace: boolean): Promise<void> {
  const present = new Set(await readdir(dataDirectory))
  if (isInPlace && present.has('postmaster.pid')) {
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

/** The server must be able to write the copy, and we must be able to remove it without the rights of root. */
async function makeWritable(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)
  }
}

async function changeOwner(directory: string, { uid, gid }: ServerUser): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const path of [directory, ...entries.map((entry) => join(entry.parentPath, entry.name))])
    await chown(path, uid, gid)
}

/** An attacker may have written the catalogue, so names come and go as hex: no name can end a query. */
const hex = (name: string) => `encode(convert_to(${name}::text, 'UTF8'), 'hex')`
const databasesQuery = `SELECT ${hex('datname')} AS ${resultColumn} FROM pg_catalog.pg_database WHERE datallowconn ORDER BY 1`
const tablesQuery = `SELECT c.oid::text || '|' || (n.nspname ~ '^pg_' OR n.nspname = 'information_schema')::int::text || '|' || ${hex('n.nspname')} || '|' || ${hex('c.relname')} AS ${resultColumn}
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated ORDER BY c.oid`

async function readAllRows(server: StandaloneServer, signal: AbortSignal): Promise<ClusterResult> {
  const result = { databases: 0, tables: 0, rows: 0, findings: [] as string[] }
  const lines: string[] = []
  const listing = await runStandalone(server, 'template1', [databasesQuery], signal)
  result.findings.push(...listing.errors)
  if (!listing.isWhole || listing.values.length === 0) result.findings.push('the server does not start')
  for (const name of listing.values) {
    const database = Buffer.from(name, 'hex').toString()
    result.databases++
    const reading = await readDatabase(server, database, signal)
    result.findings.push(...reading.findings)
    result.tables += reading.tables.length
    for (const { line, rows } of reading.tables) {
      result.rows += rows
      lines.push(`${name}|${line}`)
    }
  }
  return { ...result, sha256: createHash('sha256').update(lines.sort().join('\n')).digest('hex') }
}

async function readDatabase(
  server: StandaloneServer,
  database: string,
  signal: AbortSignal,
): Promise<{ tables: { line: string; rows: number }[]; findings: string[] }> {
  const findings: string[] = []
  const listing = await runStandalone(server, database, [tablesQuery], signal)
  findings.push(...listing.errors)
  const entries = listing.values.map(
    (value) => value.split('|') as [oid: string, isCatalog: string, schema: string, table: string],
  )
  if (!listing.isWhole || entries.length === 0)
    findings.push(`the tables of the database ${database} can't be listed`)
  const reading = await runStandalone(
    server,
    database,
    entries.map(([oid, , schema, table]) => readingQuery(oid, schema, table)),
    signal,
  )
  findings.push(...reading.errors)
  if (!reading.isWhole) findings.push(`the server stopped before the end of the database ${database}`)
  const read = new Map(
    reading.values.map((value) => [value.slice(0, value.indexOf('|')), value.slice(value.indexOf('|') + 1)]),
  )
  const tables: { line: string; rows: number }[] = []
  for (const [oid, isCatalog, schema, table] of entries) {
    const figures = read.get(oid)
    const name = [schema, table].map((nameHex) => Buffer.from(nameHex, 'hex').toString()).join('.')
    if (figures === undefined) findings.push(`the table ${name} of the database ${database} can't be read`)
    else if (isCatalog === '0')
      tables.push({ line: `${schema}|${table}|${figures}`, rows: Number.parseInt(figures, 10) })
  }
  return { tables, findings }
}

/**
 * Reads every column of every row as text: that fetches and decompresses out-of-line values, and checks every page's
 * checksum.
 */
function readingQuery(oid: string, schema: string, table: string): string {
  return `SELECT '${Number(oid)}|' || count(*)::text || '|' || coalesce(sum(hashtextextended(ROW(x.*)::text, 0)::numeric), 0)::text AS ${resultColumn}
  FROM ONLY ${identifier(schema)}.${identifier(table)} AS x`
}

function identifier(nameHex: string): string {
  const points = Array.from(
    Buffer.from(nameHex, 'hex').toString(),
    (character) => `\\+${character.codePointAt(0)!.toString(16).padStart(6, '0')}`,
  )
  return `U&"${points.join('')}"`
}
