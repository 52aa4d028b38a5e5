// Step 4: the database goes on, and each of its transactions streams into the vault. It is backed up while it runs. An
// agent with the application's access then drops a table, and no transaction of the desks fails.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { writerRoleName } from '../../../guardrails/names.ts'
import { countText } from '../../../restore-cli/render/figures.ts'
import type { Cluster } from '../../postgres/cluster.ts'
import type { ClaimFindings } from '../claims.ts'
import { day, directories, objectives, sources } from '../drill-context.ts'
import type { DrillContext, Live, Production, Provisioned } from '../drill-context.ts'
import { recordRows } from '../expected-state/rows.ts'
import { startHoldfast } from '../holdfast-process.ts'
import type { RunningHoldfast } from '../holdfast-process.ts'
import { roleNamed } from '../principals.ts'
import { seedRandom } from '../seeded-random.ts'
import { Desks } from '../world/desks.ts'
import { backUpSource, readBackupRecord } from './back-up.ts'
import type { BackupRecord } from './back-up.ts'
import { work } from './produce.ts'

const [database] = sources
const dropStatement = 'DROP TABLE customers CASCADE'
/** Between the last transaction before the drop, the point in time, and the drop. */
const quietMs = 50
const streamEverySeconds = 1
const watchMs = 10

export async function goLive(
  context: DrillContext,
  provisioned: Provisioned,
  production: Production,
): Promise<Live> {
  const { timeline, ledger, size, seed, without } = context
  const { clock } = provisioned.sandbox
  // From here on, the cloud and the database have the same clock.
  clock.turn(day.fromBackupToWipeMs)
  const nowMs = () => clock.nowMs()
  const cluster = await production.start()
  const counts = await work(context, production, cluster, { nowMs: nowMs(), seed: 3 })
  timeline.note(`${counts.filesAdded} files added since the last backup; the RPO measures their loss`)
  const connect = `host=${cluster.socketDirectory} user=postgres`
  const stream = without === 'wal-stream' ? null : await startStream(context, provisioned, connect)
  const client = await cluster.connect()
  const logFile = path.join(directories(context).expectedState, 'commits.jsonl')
  const desks = await Desks.open({ client, random: seedRandom(seed + 5), size, nowMs, logFile })
  await ledger.examine('live-backup-complete', () =>
    backUpRunning({ context, provisioned, desks }, production, connect),
  )
  const beforeDrop = await dropTable(cluster, desks)
  timeline.note(`an agent ran ${dropStatement}, after ${countText(beforeDrop.commits)} transactions`)
  // The drop itself comes into the vault: until a later transaction is there, no time before the drop can be reached.
  await sleep(objectives.lastCommitMs)
  if (without === 'steady-stream') {
    await stream?.end('SIGKILL')
    await sleep(objectives.lastCommitMs + 1_000)
  }
  return watch({ cluster, commits: desks.commits, beforeDrop }, { provisioned, production, desks, stream })
}

interface Running {
  readonly context: DrillContext
  readonly provisioned: Provisioned
  readonly desks: Desks
}

async function startStream(
  context: DrillContext,
  { sandbox, region, vault, declaration, sessions }: Provisioned,
  connect: string,
): Promise<RunningHoldfast> {
  const { cleanup, signal } = context
  const stream = await startHoldfast(
    {
      args: [
        ...[
          'postgres',
          'stream',
          '--source',
          database.name,
          '--connect',
          connect,
          '--create-slot',
          '--every',
          `${streamEverySeconds}s`,
        ],
        ...['--bucket', vault.name, '--role-arn', roleNamed(declaration, writerRoleName(database.name)).arn],
      ],
      endpoint: sandbox.endpoint,
      region,
      home: directories(context).home,
      signal,
      credentials: sessions.ofWorkload(database.name),
    },
    ({ kind }) => kind === 'started',
  )
  cleanup.add('stream of WAL', () => stream.end('SIGKILL'))
  return stream
}

async function backUpRunning(
  { context, provisioned, desks }: Running,
  { volumeDirectory }: Production,
  connect: string,
): Promise<ClaimFindings> {
  const before = desks.commits.length
  const directory = path.join(volumeDirectory, database.directory)
  const outcome = await backUpSource({ context, provisioned }, { ...database, directory, connect }, 'live')
  const meanwhile = desks.commits.length - before
  return {
    findings: findIncomplete(readBackupRecord(outcome), meanwhile),
    evidence: `${meanwhile} transactions meanwhile`,
  }
}

function findIncomplete({ complete, problemCount, lock }: BackupRecord, meanwhile: number): string[] {
  return [
    ...(complete && problemCount === 0 ? [] : [`it is incomplete: ${problemCount} problems`]),
    ...(lock?.mode === 'COMPLIANCE' ? [] : ['it is not locked in COMPLIANCE mode']),
    ...(meanwhile > 0 ? [] : ['no transaction ended meanwhile, so the claim examined nothing']),
  ]
}

/** No transaction is open at the recorded moment, so that its rows are those of one moment. */
async function dropTable(cluster: Cluster, desks: Desks): Promise<Live['beforeDrop']> {
  await desks.pause()
  const agent = await cluster.connect()
  const rows = await recordRows(agent)
  await sleep(quietMs)
  // A point in time is one of the database's own clock.
  const { rows: clock } = await agent.query<{ now: Date }>('SELECT clock_timestamp() AS now')
  const pointInTime = clock[0]!.now.toISOString()
  await sleep(quietMs)
  await agent.query(dropStatement)
  await agent.end()
  const commits = desks.commits.length
  desks.work()
  return { pointInTime, rows, commits }
}

interface Watched {
  readonly provisioned: Provisioned
  readonly production: Production
  readonly desks: Desks
  readonly stream: RunningHoldfast | null
}

/** With the volume, its host is lost: nothing is sent to the vault from then on. */
function watch(
  live: Pick<Live, 'cluster' | 'commits' | 'beforeDrop'>,
  { provisioned, production, desks, stream }: Watched,
): Live {
  const { sandbox } = provisioned
  let wipedMs: number | null = null
  const stop = () => Promise.all([desks.pause(), stream?.end('SIGKILL')])
  const timer = setInterval(() => {
    if (sandbox.volumeDirectory(production.volumeId) !== null) return
    wipedMs = sandbox.clock.nowMs()
    clearInterval(timer)
    void stop().catch(() => undefined)
  }, watchMs)
  return {
    ...live,
    get wipedMs() {
      return wipedMs
    },
    end: async () => {
      clearInterval(timer)
      await stop().catch(() => undefined)
    },
  }
}
