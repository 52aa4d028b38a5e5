// A real PostgreSQL: what is sound, what is damaged, and what wants more than to be read.
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Namespaces } from '../../../checks/restore-test/isolation.ts'
import { testCluster } from '../../../checks/restore-test/postgres.ts'
import { stagePostgres } from '../../../lab/postgres/binaries.ts'
import type { PostgresBinaries } from '../../../lab/postgres/binaries.ts'
import { Cluster, initializeCluster } from '../../../lab/postgres/cluster.ts'
import { findUnprivilegedUser } from '../../../lab/postgres/unprivileged-user.ts'
import type { UserIds } from '../../../lab/postgres/unprivileged-user.ts'
import { runCommand, runProcess } from '../../restore-cli/command-line.ts'

let work: string
let user: UserIds | null
let binaries: PostgresBinaries
let data: string
/** The only folder in which a restore test may leave something. */
let scratch: string
/** Below the data directory. */
let fileOfTable: string

const canary = () => path.join(work, 'canary', 'was-here')
const programs = () => path.join(binaries.directory, 'bin')
const hostileTable = 'a"; COPY (SELECT 1) TO PROGRAM \'true\';\n\nSELECT "\u001b'

beforeAll(async () => {
  work = mkdtempSync(path.join(os.tmpdir(), 'hf-examine-'))
  chmodSync(work, 0o711)
  mkdirSync(path.join(work, 'canary'))
  scratch = path.join(work, 'scratch-root')
  mkdirSync(scratch)
  user = await findUnprivilegedUser()
  if (user !== null) chownSync(path.join(work, 'canary'), user.uid, user.gid)
  binaries = await stagePostgres(path.join(work, 'postgres'))
  data = path.join(work, 'data')
  await initializeCluster(binaries, data, user)
  const cluster = await Cluster.start({
    binaries,
    dataDirectory: data,
    user,
    settings: { fsync: 'off', io_method: 'sync' },
  })
  const client = await cluster.connect()
  await client.query(
    'CREATE TABLE booking AS SELECT n AS id, repeat(md5(n::text), 100) AS note FROM generate_series(1, 2000) n',
  )
  await client.query(
    "ALTER TABLE booking ADD large text; UPDATE booking SET large = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i) WHERE id < 4",
  )
  await client.query(
    `CREATE TABLE ${client.escapeIdentifier(hostileTable)} (x int); INSERT INTO ${client.escapeIdentifier(hostileTable)} VALUES (1), (2)`,
  )
  // Runs at a login, at a read of a view, or if the server obeys the cluster's own configuration.
  const program = `COPY (SELECT 1) TO PROGRAM ''cat > ${canary()}''`
  await client.query(
    `CREATE FUNCTION attack() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE '${program}'; RETURN 1; END $$`,
  )
  await client.query(
    `CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM attack(); END $$`,
  )
  await client.query(
    'CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login(); ALTER EVENT TRIGGER on_login ENABLE ALWAYS',
  )
  await client.query('CREATE VIEW trap AS SELECT attack()')
  await client.query(
    `ALTER DATABASE postgres SET search_path = nowhere; ALTER ROLE postgres SET session_preload_libraries = '/nowhere/evil'`,
  )
  const { rows } = await client.query<{ file: string }>(`SELECT pg_relation_filepath('booking') AS file`)
  fileOfTable = rows[0]!.file
  await client.end()
  await cluster.stop('immediate')
  rmSync(canary(), { force: true })
  rmSync(path.join(data, 'postmaster.pid'), { force: true })
  appendFileSync(
    path.join(data, 'postgresql.auto.conf'),
    `shared_preload_libraries = '/nowhere/evil'\nrestore_command = 'touch ${canary()}'\n`,
  )
  writeFileSync(path.join(data, 'recovery.signal'), '')
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

const examine = (dataDirectory: string, mode: 'copy' | 'in-place' | 'disposable' = 'copy') =>
  testCluster(
    { dataDirectory, programs: programs(), mode, scratch, isolation: new Namespaces() },
    new AbortController().signal,
  )

function copyData(name: string): string {
  const copy = path.join(work, name)
  cpSync(data, copy, { recursive: true })
  if (user !== null)
    for (const entry of ['', ...(readdirSync(copy, { recursive: true }) as string[])])
      chownSync(path.join(copy, entry), user.uid, user.gid)
  return copy
}

test('a crashed cluster starts on a copy, every row is read, and none of its own code has run', async () => {
  const before = readdirSync(data).sort()
  const result = await examine(data)
  expect(result).toMatchObject({ findings: [], databases: 2, tables: 2, rows: 2002 })
  expect(existsSync(canary())).toBe(false)
  expect(readdirSync(data).sort()).toEqual(before)
  expect(readdirSync(scratch)).toEqual([])
})

test("`{major}` stands for the cluster's major version", async () => {
  const major = readFileSync(path.join(data, 'PG_VERSION'), 'utf8').trim()
  mkdirSync(path.join(work, 'majors'))
  symlinkSync(binaries.directory, path.join(work, 'majors', major))
  const chosen = await testCluster(
    {
      dataDirectory: data,
      programs: path.join(work, 'majors', '{major}', 'bin'),
      mode: 'copy',
      isolation: new Namespaces(),
    },
    new AbortController().signal,
  )
  expect(chosen).toMatchObject({ findings: [], rows: 2002 })
})

test('programs of another major version are refused by name', async () => {
  const foreignBin = path.join(work, 'foreign')
  mkdirSync(foreignBin)
  writeFileSync(path.join(foreignBin, 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 9.6.24"\n', {
    mode: 0o755,
  })
  const refused = testCluster(
    { dataDirectory: data, programs: foreignBin, mode: 'copy', isolation: new Namespaces() },
    new AbortController().signal,
  )
  await expect(refused).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringContaining('is of PostgreSQL 9, and the cluster of PostgreSQL') as string,
  })
})

test.each([
  ['a way out', '../../../tmp'],
  ['nothing', ''],
  ['a version of old', '9.6\n'],
  ['too much', '18\n\n\n'],
  ['no number', 'x'],
  ['more than a line', '18\n1'],
])('a PG_VERSION with %s is refused', async (_, text) => {
  const lying = mkdtempSync(path.join(work, 'lying-'))
  writeFileSync(path.join(lying, 'PG_VERSION'), text)
  const examined = testCluster(
    { dataDirectory: lying, programs: path.join(work, '{major}'), mode: 'copy', isolation: new Namespaces() },
    new AbortController().signal,
  )
  await expect(examined).rejects.toMatchObject({
    code: 'damaged',
    message: expect.stringContaining('PG_VERSION') as string,
  })
})

test.each([
  ['not there', () => undefined],
  ['a directory', (file: string) => mkdirSync(file)],
  ['a link', (file: string) => symlinkSync(path.join(data, 'PG_VERSION'), file)],
])('a PG_VERSION that is %s is refused', async (_, make) => {
  const lying = mkdtempSync(path.join(work, 'lying-'))
  make(path.join(lying, 'PG_VERSION'))
  await expect(
    testCluster(
      {
        dataDirectory: lying,
        programs: path.join(work, '{major}'),
        mode: 'copy',
        isolation: new Namespaces(),
      },
      new AbortController().signal,
    ),
  ).rejects.toMatchObject({ code: 'damaged' })
})

test('a read-only cluster starts too, under an owner without rights of root, and its copy is removed afterwards', async () => {
  const copy = copyData('sealed')
  for (const entry of [...(readdirSync(copy, { recursive: true }) as string[]), ''])
    chmodSync(path.join(copy, entry), statSync(path.join(copy, entry)).isDirectory() ? 0o500 : 0o400)
  const scratch = path.join(work, 'scratch')
  mkdirSync(scratch)
  if (user !== null) chownSync(scratch, user.uid, user.gid)
  const outcome = await runProcess(
    ['examine', copy, '--kind', 'postgres', '--postgres-bin', programs(), '--scratch', scratch, '--json'],
    user === null ? {} : { uid: user.uid },
  )
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  expect(outcome.records()).toMatchObject([{ ok: true, postgres: { rows: 2002 } }])
  expect(readdirSync(scratch)).toEqual([])
})

test('an error names a missing directory for the copy', async () => {
  const nowhere = testCluster(
    {
      dataDirectory: data,
      programs: programs(),
      mode: 'copy',
      isolation: new Namespaces(),
      scratch: path.join(work, 'nowhere'),
    },
    new AbortController().signal,
  )
  await expect(nowhere).rejects.toMatchObject({
    code: 'target',
    message: 'there is no directory for the copy: ENOENT',
  })
})

test("in place the result is the same, and the cluster's own configuration is set aside", async () => {
  const copy = copyData('in-place')
  const [onCopy, inPlace] = [await examine(data), await examine(copy, 'in-place')]
  expect(inPlace).toEqual(onCopy)
  expect(readdirSync(copy)).toEqual(
    expect.arrayContaining(['postgresql.auto.conf.set-aside', 'recovery.signal.set-aside']),
  )
})

test('never in place if a server may be running', async () => {
  const copy = copyData('running')
  writeFileSync(path.join(copy, 'postmaster.pid'), '1\n')
  await expect(examine(copy, 'in-place')).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringContaining('postmaster.pid') as string,
  })
  expect(existsSync(path.join(copy, 'postgresql.auto.conf'))).toBe(true)
})

test('one flipped byte in one page is found, its table is named, and the others are read', async () => {
  const copy = copyData('flipped')
  // From a state that was shut down, so that no replay writes the page anew.
  await examine(copy, 'in-place')
  const file = path.join(copy, fileOfTable)
  const [descriptor, page] = [openSync(file, 'r+'), readFileSync(file)]
  writeSync(descriptor, Buffer.from([page[8192 + 4000]! ^ 1]), 0, 1, 8192 + 4000)
  closeSync(descriptor)
  const { findings, tables } = await examine(copy)
  expect(findings).toContain("the table public.booking of the database postgres can't be read")
  expect(findings.join('\n')).toMatch(/ERROR: {2}invalid page in block 1/)
  expect(tables).toBe(1)
})

test('a cluster without its control file does not start, and that is a finding', async () => {
  const copy = copyData('headless')
  rmSync(path.join(copy, 'global', 'pg_control'))
  expect((await examine(copy)).findings).toContain('the server does not start')
})

test('the server inherits no variable and no file, and accepts no connection', async () => {
  const nosy = path.join(work, 'nosy')
  mkdirSync(nosy)
  writeFileSync(
    path.join(nosy, 'postgres'),
    '#!/bin/sh\necho "ERROR:  arguments $*" >&2\nenv | sed "s/^/ERROR:  variable /" >&2\n',
    { mode: 0o755 },
  )
  process.env['AWS_SESSION_TOKEN'] = 'a-secret-of-ours'
  try {
    const { findings } = await testCluster(
      { dataDirectory: data, programs: nosy, mode: 'copy', isolation: new Namespaces() },
      new AbortController().signal,
    )
    const variables = findings
      .flatMap((finding) => /variable (\w+)=/.exec(finding)?.[1] ?? [])
      .filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name))
    expect(variables.sort()).toEqual(['LANG', 'LC_ALL', 'PATH', 'TZ'])
    expect(findings[0]).toMatch(
      /arguments --single -j -D \S+\/data -c .*config_file=\S+\/postgresql\.conf -- template1$/,
    )
  } finally {
    delete process.env['AWS_SESSION_TOKEN']
  }
})

test('a server that takes too long is ended', async () => {
  const slow = path.join(work, 'slow')
  mkdirSync(slow)
  const ownScratch = mkdtempSync(path.join(work, 'slow-scratch-'))
  chmodSync(ownScratch, 0o711)
  writeFileSync(
    path.join(slow, 'postgres'),
    '#!/bin/sh\n[ "$1" != --version ] || exit 0\n: > "$4/started"\nexec sleep 600\n',
    { mode: 0o755 },
  )
  const limit = new AbortController()
  const ended = expect(
    testCluster(
      { dataDirectory: data, programs: slow, mode: 'copy', scratch: ownScratch, isolation: new Namespaces() },
      limit.signal,
    ),
  ).rejects.toThrow('too long')
  const hasStarted = (name: string) => existsSync(path.join(ownScratch, name, 'data', 'started'))
  await vi.waitUntil(() => readdirSync(ownScratch).some(hasStarted), { timeout: 60_000 })
  limit.abort(new Error('too long'))
  await ended
})

test('the command reports on a cluster, and refuses to start one with links to other directories', async () => {
  const args = (directory: string) => [
    'examine',
    directory,
    '--kind',
    'postgres',
    '--postgres-bin',
    programs(),
    '--json',
  ]
  const good = await runCommand(args(data))
  expect(good).toMatchObject({ status: 0, stderr: '' })
  expect(good.records()).toMatchObject([
    { type: 'examination', kind: 'postgres', ok: true, postgres: { databases: 2, tables: 2, rows: 2002 } },
  ])
  const copy = copyData('linked')
  cpSync(path.join(copy, 'pg_wal'), path.join(work, 'wal'), { recursive: true })
  rmSync(path.join(copy, 'pg_wal'), { recursive: true })
  symlinkSync(path.join(work, 'wal'), path.join(copy, 'pg_wal'))
  const linked = await runCommand(args(copy))
  expect(linked.status).toBe(4)
  expect(linked.records()).toMatchObject([{ ok: false, postgres: null, findingCount: 1 }])
})
