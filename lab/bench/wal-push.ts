// How fast the WAL of a server reaches the store: `holdfast wal-push` and `pgbackrest archive-push`, each started for
// one segment after the other, as PostgreSQL starts its `archive_command`.
//
// Both push the same segments to the same store over TLS, because pgBackRest speaks no plain HTTP. Both compress with
// zstd at level 1. pgBackRest pushes asynchronously with two processes, and Holdfast's process three files at a time.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../core/errors.ts'
import { Cluster, initializeCluster } from '../postgres/cluster.ts'
import { findUnprivilegedUser } from '../postgres/unprivileged-user.ts'
import { scaled } from './dataset.ts'
import { freePort, spawnServer } from './gateway.ts'
import type { Gateway } from './gateway.ts'
import type { Programs } from './programs.ts'
import type { WalResults } from './results.ts'

const segmentBytes = 2 ** 24
/** At scale 1: 1 GiB. */
const segmentsAtScale1 = 64
/** Debian's, because its pgBackRest knows no later version. */
const postgresFolder = '/usr/lib/postgresql/15'
const pgbackrest = '/usr/bin/pgbackrest'

export interface WalSetting {
  gateway: Gateway
  programs: Programs
  /** Empty; `store` in it is the gateway's. */
  folder: string
  scale: number
  rounds: number
  report: (text: string) => void
}

type Push = Pick<WalResults, 'holdfast' | 'pgbackrest'>

export async function measureWalPush(
  setting: WalSetting,
): Promise<Omit<WalResults, 'name' | 'provenance' | 'scale'>> {
  const { folder, rounds, report } = setting
  const segments = await makeSegments(join(folder, 'data'), scaled(segmentsAtScale1, setting.scale))
  const store = await serveTls(setting)
  const seconds: Push = { holdfast: [], pgbackrest: [] }
  try {
    for (let round = 0; round < rounds; round++) {
      const order =
        round % 2 === 0 ? (['holdfast', 'pgbackrest'] as const) : (['pgbackrest', 'holdfast'] as const)
      for (const tool of order) {
        const took = await pushAll(setting, { tool, store, segments, round })
        seconds[tool].push(took)
        report(`wal: round ${round + 1}, ${tool}: ${((segments.length * 16) / took).toFixed(1)} MiB/s`)
      }
    }
  } finally {
    store.stop()
  }
  return { segments: segments.length, bytes: segments.length * segmentBytes, ...seconds }
}

/** Segments of real WAL, in `directory/segments`. Returns their names in order. */
async function makeSegments(directory: string, count: number): Promise<string[]> {
  const segments = join(directory, 'segments')
  mkdirSync(segments, { mode: 0o777 })
  execFileSync('chmod', ['a+rwx', directory, segments])
  const bin = join(postgresFolder, 'bin')
  const binaries = { directory: postgresFolder, postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') }
  const [user, dataDirectory] = [await findUnprivilegedUser(), join(directory, 'pgdata')]
  await initializeCluster(binaries, dataDirectory, user)
  const settings = {
    ...{ fsync: 'off', archive_mode: 'on', max_wal_size: '256MB' },
    archive_command: `cp %p ${segments}/%f.new && mv ${segments}/%f.new ${segments}/%f`,
  }
  const cluster = await Cluster.start({ binaries, dataDirectory, user, settings })
  const names = (): string[] =>
    readdirSync(segments)
      .filter((name) => /^[0-9A-F]{24}$/.test(name))
      .sort()
  try {
    const client = await cluster.connect()
    await client.query('create table load (id bigint primary key, note text, at timestamptz)')
    for (let batch = 0; names().length < count; batch++) {
      await client.query(
        `insert into load select $1::bigint * 20000 + i, md5(random()::text) || repeat('order ', 8), now()
         from generate_series(1, 20000) i`,
        [batch],
      )
    }
    await client.end()
  } finally {
    await cluster.stop()
  }
  return names().slice(0, count)
}

interface TlsStore {
  port: number
  certificate: string
  stop: () => void
}

/** The same store once more, with a certificate of its own. */
async function serveTls({ programs, folder }: WalSetting): Promise<TlsStore> {
  const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'tls.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const keyType = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const request = ['req', '-x509', ...keyType, '-days', '2', ...subject, '-keyout', key, '-out', certificate]
  execFileSync('openssl', request, { stdio: 'ignore' })
  const port = await freePort()
  const child = spawnServer(programs.versitygw, join(folder, 'store'), port, [
    '--cert',
    certificate,
    '--key',
    key,
  ])
  await sleep(1000)
  return { port, certificate, stop: () => void child.kill('SIGKILL') }
}

interface Round {
  tool: keyof Push
  store: TlsStore
  segments: readonly string[]
  round: number
}

/** Seconds from the first command to the end of the last one. */
async function pushAll(setting: WalSetting, { tool, store, segments, round }: Round): Promise<number> {
  const { folder, gateway } = setting
  const home = join(folder, `${tool}-${round}`)
  const bucket = `wal-${tool}-${round}`
  const directory = layOut(home, { data: join(folder, 'data'), segments })
  await gateway.makeBucket(bucket, { locked: tool === 'holdfast' })
  const command = tool === 'holdfast' ? holdfastCommand : pgbackrestCommand
  const { program, args, env } = command(setting, { home, bucket, store, dataDirectory: dirname(directory) })
  try {
    const startMs = performance.now()
    for (const name of segments) {
      await runOnce(program, args(join(directory, name)), { env, cwd: dirname(directory) })
      const status = join(directory, 'archive_status', name)
      renameSync(`${status}.ready`, `${status}.done`)
    }
    return (performance.now() - startMs) / 1000
  } finally {
    gateway.forget(bucket)
    rmSync(home, { recursive: true, force: true })
  }
}

/** A data directory whose server has finished `segments`, and archived none. Returns its `pg_wal`. */
function layOut(home: string, { data, segments }: { data: string; segments: readonly string[] }): string {
  const dataDirectory = join(home, 'pgdata')
  for (const folder of ['global', 'pg_wal/archive_status'])
    mkdirSync(join(dataDirectory, folder), { recursive: true })
  for (const file of ['PG_VERSION', 'global/pg_control'])
    copyFileSync(join(data, 'pgdata', file), join(dataDirectory, file))
  const directory = join(dataDirectory, 'pg_wal')
  for (const name of segments) {
    cpSync(join(data, 'segments', name), join(directory, name))
    writeFileSync(join(directory, 'archive_status', `${name}.ready`), '')
  }
  return directory
}

interface Pusher {
  home: string
  bucket: string
  store: TlsStore
  dataDirectory: string
}

interface PushCommand {
  program: string
  args: (path: string) => string[]
  env: Record<string, string>
}

function holdfastCommand({ programs, gateway }: WalSetting, { home, bucket, store }: Pusher): PushCommand {
  const cache = join(home, 'cache')
  const options = ['--source', 'bench', '--bucket', bucket, '--no-assume-role', '--cache-dir', cache]
  return {
    program: programs.holdfast,
    args: (path) => ['wal-push', path, ...options],
    env: {
      ...gateway.environment,
      AWS_ENDPOINT_URL: `https://127.0.0.1:${store.port}`,
      NODE_EXTRA_CA_CERTS: store.certificate,
      HOME: home,
      XDG_RUNTIME_DIR: home,
      PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    },
  }
}

function pgbackrestCommand(
  { gateway }: WalSetting,
  { home, bucket, store, dataDirectory }: Pusher,
): PushCommand {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_REGION: region } = gateway.environment
  for (const folder of ['spool', 'lock', 'log']) mkdirSync(join(home, folder))
  const file = join(home, 'pgbackrest.conf')
  writeFileSync(
    file,
    `[global]
repo1-type=s3
repo1-path=/
repo1-s3-bucket=${bucket}
repo1-s3-endpoint=localhost
repo1-storage-port=${store.port}
repo1-storage-ca-file=${store.certificate}
repo1-s3-region=${region}
repo1-s3-key=${id}
repo1-s3-key-secret=${secret}
repo1-s3-uri-style=path
archive-async=y
process-max=2
compress-type=zst
compress-level=1
spool-path=${join(home, 'spool')}
lock-path=${join(home, 'lock')}
log-path=${join(home, 'log')}
log-level-file=off
[bench]
pg1-path=${dataDirectory}
`,
  )
  const options = [`--config=${file}`, '--stanza=bench']
  execFileSync(pgbackrest, [...options, 'stanza-create', '--no-online'], { env: {}, stdio: 'pipe' })
  return { program: pgbackrest, args: (path) => [...options, 'archive-push', path], env: {} }
}

async function runOnce(
  program: string,
  args: readonly string[],
  { env, cwd }: { env: Record<string, string>; cwd: string },
): Promise<void> {
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()))
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0)
    throw new HoldfastError('internal', `${program} ended with ${status}: ${output.slice(-2000)}`)
}
