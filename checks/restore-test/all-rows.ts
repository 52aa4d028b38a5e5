// Reads every row of every table of a restored cluster.
import { createHash } from 'node:crypto'
import { resultColumn, runStandalone } from './standalone-server.ts'
import type { StandaloneServer } from './standalone-server.ts'

export interface ClusterResult {
  databases: number
  tables: number
  rows: number
  /** Over the rows of all tables except the system catalogs; the order of rows does not change it. */
  sha256: string
  findings: string[]
}

/** An attacker may have written the catalogue, so names come and go as hex: no name can end a query. */
const hex = (name: string) => `encode(convert_to(${name}::text, 'UTF8'), 'hex')`
const databasesQuery = `SELECT ${hex('datname')} AS ${resultColumn} FROM pg_catalog.pg_database WHERE datallowconn ORDER BY 1`
const tablesQuery = `SELECT c.oid::text || '|' || (n.nspname ~ '^pg_' OR n.nspname = 'information_schema')::int::text || '|' || ${hex('n.nspname')} || '|' || ${hex('c.relname')} AS ${resultColumn}
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated ORDER BY c.oid`

/** @param onStart called when the server has replied for the first time. */
export async function readAllRows(
  server: StandaloneServer,
  onStart: (() => void) | undefined,
  signal: AbortSignal,
): Promise<ClusterResult> {
  const result = { databases: 0, tables: 0, rows: 0, findings: [] as string[] }
  const lines: string[] = []
  const listing = await runStandalone(server, 'template1', [databasesQuery], signal)
  onStart?.()
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
