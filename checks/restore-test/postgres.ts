// Whether a restored PostgreSQL comes up and gives every row of every table: on a copy, or in place where the data is disposable.
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
  /** Where `postgres` is, of the cluster's major version, for which `{major}` may stand. */
  programs: string
  isInPlace: boolean
  scratch?: string
}

export interface ClusterExamination {
  databases: number
  tables: number
  rows: number
  /** Over the rows of all tables that aren't the catalogs': the same for the same rows, in whatever order they lie. */
  sha256: string
  findings: string[]
}

/** What PostgreSQL reads of its own accord, and what would start a recovery of the cluster's own choosing. */
const ownFiles = [
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
const longestVersionBytes = 4
/** `nobody`, on every Linux. */
const nobody = 65_534

/** @throws `not-found` without the program, `damaged` if the cluster names no major version, `invalid-input` if it can't be run here, or what `signal` was aborted with. */
export async function examineCluster(
  options: ClusterOptions,
  signal: AbortSignal,
): Promise<ClusterExamination> {
  const program = join(await choosePrograms(options), 'postgres')
  await access(program, constants.X_OK).catch((cause: unknown) => {
    throw new HoldfastError('not-found', `there is no program ${program} that can be run`, {
      hint: 'name the directory of `postgres` with --postgres-bin',
      cause,
    })
  })
  const user = await chooseUser(options)
  const scratch = await mkdtemp(join(options.scratch ?? tmpdir(), 'holdfast-examine-')).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new HoldfastError('target', `there is no place for a copy: ${cause.code ?? 'unknown error'}`, {
        hint: 'name a directory that can be written with --scratch',
        cause,
      })
    },
  )
  try {
    const dataDirectory = options.isInPlace ? options.dataDirectory : join(scratch, 'data')
    if (!options.isInPlace) await copyPlain(options.dataDirectory, dataDirectory, signal)
    await makeWritable(scratch)
    await setAside(dataDirectory, options.isInPlace)
    const configurationFile = join(scratch, 'postgresql.conf')
    await writeFile(configurationFile, '', { mode: 0o600 })
    if (user !== undefined) await giveTo(scratch, user)
    await chmod(dataDirectory, 0o700)
    return await readEverything(
      { program, dataDirectory, configurationFile, ...(user === undefined ? {} : { user }) },
      signal,
    )
  } finally {
    // A copy that was broken off has modes of its own, too.
    await makeWritable(scratch)
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Of what the cluster says, nothing but a few digits gets into the path. */
async function choosePrograms({ dataDirectory, programs }: ClusterOptions): Promise<string> {
  if (!programs.includes(majorPlaceholder)) return programs
  const text = await readStart(join(dataDirectory, 'PG_VERSION'), longestVersionBytes).catch(
    (cause: unknown) => {
      throw noCluster(cause)
    },
  )
  const major = /^(\d{1,3})\n?$/.exec(text)?.[1]
  if (major === undefined) throw noCluster()
  return programs.replaceAll(majorPlaceholder, major)
}

/** One byte more than is allowed, so that a longer file doesn't pass for its beginning. */
async function readStart(file: string, mostBytes: number): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(mostBytes + 1), 0, mostBytes + 1, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

function noCluster(cause?: unknown): HoldfastError {
  return new HoldfastError('damaged', 'PG_VERSION does not say of which major version the cluster is', {
    hint: 'restore it again; an older snapshot may be whole',
    cause,
  })
}

/** PostgreSQL doesn't run as root: then as nobody, or in place as whoever owns the data. */
async function chooseUser({ dataDirectory, isInPlace }: ClusterOptions): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  if (!isInPlace) return { uid: nobody, gid: nobody }
  const { uid, gid } = await lstat(dataDirectory)
  if (uid !== 0) return { uid, gid }
  throw new HoldfastError('invalid-input', "PostgreSQL can't be run by root on data that belong to root", {
    hint: 'leave out --in-place, or run this as another user',
  })
}

/** Files and directories alone: neither a link that leads elsewhere nor a pipe that never ends. */
async function copyPlain(from: string, to: string, signal: AbortSignal): Promise<void> {
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
      hint: 'name a directory with more space with --scratch, or use --in-place',
      cause,
    })
  })
}

async function setAside(dataDirectory: string, isInPlace: boolean): Promise<void> {
  const present = new Set(await readdir(dataDirectory))
  if (isInPlace && present.has('postmaster.pid')) {
    throw new HoldfastError(
      'invalid-input',
      'a server may be running on the directory: it has a postmaster.pid',
      {
        hint: 'leave out --in-place; or, if this is a restored copy that nobody has started, remove that file',
      },
    )
  }
  for (const name of ownFiles) {
    if (present.has(name)) await rename(join(dataDirectory, name), join(dataDirectory, `${name}.set-aside`))
  }
}

/** Whatever modes it brought along: the server has to write the copy, and without a right of root somebody has to remove it. */
async function makeWritable(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)
  }
}

async function giveTo(directory: string, { uid, gid }: ServerUser): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const path of [directory, ...entries.map((entry) => join(entry.parentPath, entry.name))])
    await chown(path, uid, gid)
}

/** Of a catalogue that an attacker may have written: names come as hex and go as hex, so that none ends a query. */
const hex = (name: string) => `encode(convert_to(${name}::text, 'UTF8'), 'hex')`
const databasesQuery = `SELECT ${hex('datname')} AS ${resultColumn} FROM pg_catalog.pg_database WHERE datallowconn ORDER BY 1`
const tablesQuery = `SELECT c.oid::text || '|' || (n.nspname ~ '^pg_' OR n.nspname = 'information_schema')::int::text || '|' || ${hex('n.nspname')} || '|' || ${hex('c.relname')} AS ${resultColumn}
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated ORDER BY c.oid`

async function readEverything(server: StandaloneServer, signal: AbortSignal): Promise<ClusterExamination> {
  const result = { databases: 0, tables: 0, rows: 0, findings: [] as string[] }
  const lines: string[] = []
  const listing = await runStandalone(server, 'template1', [databasesQuery], signal)
  result.findings.push(...listing.errors)
  if (!listing.isWhole || listing.values.length === 0) result.findings.push('the server does not come up')
  for (const name of listing.values) {
    const database = Buffer.from(name, 'hex').toString()
    result.databases++
    const found = await readDatabase(server, database, signal)
    result.findings.push(...found.findings)
    result.tables += found.tables.length
    for (const { line, rows } of found.tables) {
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
  const listed = listing.values.map(
    (value) => value.split('|') as [oid: string, isCatalog: string, schema: string, table: string],
  )
  if (!listing.isWhole || listed.length === 0)
    findings.push(`the tables of the database ${database} can't be listed`)
  const reading = await runStandalone(
    server,
    database,
    listed.map(([oid, , schema, table]) => readingQuery(oid, schema, table)),
    signal,
  )
  findings.push(...reading.errors)
  if (!reading.isWhole) findings.push(`the server did not get through the database ${database}`)
  const read = new Map(
    reading.values.map((value) => [value.slice(0, value.indexOf('|')), value.slice(value.indexOf('|') + 1)]),
  )
  const tables: { line: string; rows: number }[] = []
  for (const [oid, isCatalog, schema, table] of listed) {
    const figures = read.get(oid)
    const name = [schema, table].map((each) => Buffer.from(each, 'hex').toString()).join('.')
    if (figures === undefined) findings.push(`the table ${name} of the database ${database} can't be read`)
    else if (isCatalog === '0')
      tables.push({ line: `${schema}|${table}|${figures}`, rows: Number.parseInt(figures, 10) })
  }
  return { tables, findings }
}

/** Every column of every row as text, which fetches and decompresses what lies out of line; every page passes its checksum. */
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
