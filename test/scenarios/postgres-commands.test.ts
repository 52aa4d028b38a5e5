// The commands for a running server, as an operator types them.
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../lab/postgres/cluster.ts'
import { makeTestServers, startNewServer } from '../fixtures/postgres-servers.ts'
import type { TestServers } from '../fixtures/postgres-servers.ts'
import { startSandboxedCommands } from '../restore-cli/sandboxed-commands.ts'

const { holdfast } = await startSandboxedCommands()
let servers: TestServers
let cluster: Cluster
let dataDirectory: string

beforeAll(async () => {
  servers = await makeTestServers(mkdtempSync(join(tmpdir(), 'hf-commands-')))
  ;({ cluster, dataDirectory } = await startNewServer(servers, { major: 18, name: 'data' }))
})
afterAll(async () => {
  await cluster.stop('immediate')
  rmSync(servers.directory, { recursive: true, force: true })
})

const vault = ['--bucket', 'locked', '--source', 'rental-db', '--json']
const connect = (): string[] => ['--connect', `host=${cluster.socketDirectory} user=postgres dbname=postgres`]

test('a stream sends the WAL until it is stopped, and a base then finds its WAL in the vault', async () => {
  let output = ''
  const started = Promise.withResolvers<ChildProcess>()
  const stream = holdfast(
    ['postgres', 'stream', ...vault, ...connect(), '--create-slot', '--heartbeat', '1s'],
    {
      onStart: (child) => {
        child.stdout!.on('data', (text: string) => {
          output += text
          if (output.includes('"kind":"part"')) started.resolve(child)
        })
      },
    },
  )
  const child = await Promise.race([started.promise, stream])
  expect('kill' in child).toBe(true)

  const base = await holdfast([
    ...['backup', dataDirectory, '--kind', 'postgres', ...vault, ...connect()],
    ...['--wal-wait', '2m', '--cache-dir', join(servers.directory, 'cache')],
  ])
  expect([base.status, base.stderr]).toEqual([0, ''])
  expect(base.records().at(-1)).toMatchObject({
    type: 'backup',
    complete: true,
    walNote: null,
    base: { timeline: 1, minRecoveryLsn: null },
  })
  const commits = (): number => output.split('"lastCommitUs":"').length - 1
  const before = commits()
  while (commits() < before + 2) await sleep(50)
  ;(child as ChildProcess).kill('SIGTERM')
  expect((await stream).status).toBe(130)
  expect(output).toContain('"kind":"started"')
})

test('a base of a server that sends its WAL nowhere ends with 3, and says why', async () => {
  const client = await cluster.connect()
  await client.query(`select pg_drop_replication_slot('holdfast')`)
  await client.end()
  const base = await holdfast([
    ...['backup', dataDirectory, '--kind', 'postgres', ...vault, ...connect()],
    ...['--cache-dir', join(servers.directory, 'cache')],
  ])
  expect(base.status).toBe(3)
  expect(base.stderr).toContain('nothing sends the WAL of this server to the vault')
})

test('a check names what the server lacks', async () => {
  const { status, records } = await holdfast(['postgres', 'check', '--json', ...connect()])
  expect(status).toBe(14)
  expect(records()[0]).toMatchObject({
    type: 'postgres-check',
    serverVersion: expect.any(Number) as number,
    isStandby: false,
    findings: [{ name: 'wal' }, { name: 'full_page_writes' }],
  })
  expect((await holdfast(['postgres', 'check'])).status).toBe(2)
})

test('options that contradict each other are refused', async () => {
  const run = async (...args: string[]): Promise<unknown> =>
    (await holdfast(['backup', dataDirectory, ...vault, ...args])).status
  expect(await run(...connect())).toBe(2)
  expect(await run('--kind', 'postgres', '--stopped', ...connect())).toBe(2)
  expect(await run('--kind', 'postgres', '--wal-wait', '1m')).toBe(2)
})
