// The expected state of a database: digests by the server itself over the ordered rows of each table.
import type pg from 'pg'

interface TableState {
  rows: number
  /** SHA-256 of all rows as text, in order, in lower-case hex. */
  sha256: string
}

export interface DatabaseState {
  tables: Record<string, TableState>
  /** SHA-256 of columns, constraints and indexes. */
  schemaSha256: string
  sequences: Record<string, string>
}

/** Settings under which the text of a value depends only on the value. */
const session = `SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex';
  SET extra_float_digits = 1; SET search_path = public; SET statement_timeout = '120s'`

const schema = `
  SELECT encode(sha256(convert_to(coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex') AS sha256 FROM (
    SELECT format('%s.%s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull) AS line
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public') AS lines`

/** Records every table of the schema `public`, because an extra table is a difference too. */
export async function recordRows(client: pg.Client): Promise<DatabaseState> {
  await client.query(session)
  const { rows: names } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1`,
  )
  const tables: Record<string, TableState> = {}
  for (const { name } of names) {
    const { rows } = await client.query<{ rows: string; sha256: string }>(
      `SELECT count(*) AS rows,
         encode(sha256(convert_to(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), ''), 'UTF8')), 'hex') AS sha256
       FROM ${client.escapeIdentifier(name)} AS t`,
    )
    tables[name] = { rows: Number(rows[0]?.rows), sha256: String(rows[0]?.sha256) }
  }
  const { rows: digests } = await client.query<{ sha256: string }>(schema)
  const { rows: sequences } = await client.query<{ name: string; value: string | null }>(
    `SELECT sequencename AS name, last_value::text AS value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1`,
  )
  return {
    tables,
    schemaSha256: String(digests[0]?.sha256),
    sequences: Object.fromEntries(sequences.map(({ name, value }) => [name, value ?? ''])),
  }
}

/** Differences in words, empty if none. */
export function compareRows(expected: DatabaseState, actual: DatabaseState): string[] {
  const differences: string[] = []
  for (const name of unite(expected.tables, actual.tables)) {
    const [want, have] = [expected.tables[name], actual.tables[name]]
    if (want === undefined) differences.push(`table ${name} should not be there`)
    else if (have === undefined) differences.push(`table ${name} is missing`)
    else if (want.rows !== have.rows)
      differences.push(`table ${name} has ${have.rows} rows instead of ${want.rows}`)
    else if (want.sha256 !== have.sha256) differences.push(`table ${name} holds other rows`)
  }
  if (expected.schemaSha256 !== actual.schemaSha256)
    differences.push('columns, constraints or indexes differ')
  for (const name of unite(expected.sequences, actual.sequences)) {
    const [want, have] = [expected.sequences[name], actual.sequences[name]]
    if (want !== have)
      differences.push(`sequence ${name} stands at ${have ?? 'nothing'} instead of ${want ?? 'nothing'}`)
  }
  return differences
}

function unite(first: object, right: object): string[] {
  return [...new Set([...Object.keys(first), ...Object.keys(right)])].sort()
}

/** Reads every heap page and every index entry: differences between a table and its indexes, in words. */
export async function checkStructure(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `SELECT c.relname || ': ' || v.msg AS problem FROM pg_class c, LATERAL verify_heapam(c.oid) v
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace LIMIT 100`,
  )
  const problems = rows.map(({ problem }) => problem)
  const { rows: indexes } = await client.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_am am ON am.oid = c.relam AND am.amname = 'btree'
     WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace ORDER BY 1`,
  )
  for (const { name } of indexes) {
    try {
      await client.query('SELECT bt_index_check($1::regclass, true)', [name])
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return problems
}
