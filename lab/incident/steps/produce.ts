// Step 2: production. A real database and its uploads on one volume, with the dumps that serve as backups beside them.
import { chown, mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { CreateSnapshotCommand, CreateVolumeCommand, EC2Client } from '@aws-sdk/client-ec2'
import type pg from 'pg'
import { countText } from '../../../restore-cli/render/figures.ts'
import { directories, sources } from '../drill-context.ts'
import type { DrillContext, Production, Provisioned } from '../drill-context.ts'
import { stagePostgres } from '../../postgres/binaries.ts'
import { Cluster, initializeCluster } from '../../postgres/cluster.ts'
import { findUnprivilegedUser } from '../../postgres/unprivileged-user.ts'
import type { UserIds } from '../../postgres/unprivileged-user.ts'
import { seedRandom } from '../seeded-random.ts'
import { dumpTables, loadBookings } from '../world/bookings.ts'
import { Uploads } from '../world/uploads.ts'
import type { Upload } from '../world/uploads.ts'
import { countNothing, recordUploads, runRound } from '../world/workload.ts'
import type { WorkloadCounts } from '../world/workload.ts'

const settings = {
  // No fsync, because the drill simulates no power cut.
  fsync: 'off',
  io_method: 'sync',
  min_wal_size: '32MB',
  max_wal_size: '64MB',
  wal_recycle: 'off',
  max_connections: '20',
  shared_buffers: '64MB',
}

export async function produce(
  context: DrillContext,
  { sandbox, accounts, region }: Provisioned,
): Promise<Production> {
  const { timeline, size, seed, cleanup } = context
  const ec2 = connectEc2(sandbox.endpoint, region, sandbox.rootCredentials(accounts.production))
  const { VolumeId: volumeId } = await ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: `${region}a`, Size: 100 }),
  )
  const volumeDirectory = volumeId === undefined ? null : sandbox.volumeDirectory(volumeId)
  if (volumeId === undefined || volumeDirectory === null)
    throw new Error('the production volume was not created')
  timeline.progress('copying PostgreSQL')
  const user = await findUnprivilegedUser()
  const binaries = await stagePostgres(directories(context).postgres)
  const dataDirectory = path.join(volumeDirectory, sources[0].directory)
  await initializeCluster(binaries, dataDirectory, user)
  const uploads = new Uploads(path.join(volumeDirectory, sources[1].directory), seedRandom(seed), user)
  const start = async () => {
    const cluster = await Cluster.start({ binaries, dataDirectory, user, settings })
    cleanup.add('production database', () => cluster.stop('immediate'))
    return cluster
  }
  const cluster = await start()
  const client = await cluster.connect()
  timeline.progress(`loading ${size.bookings} bookings`)
  await loadBookings(client, size, seed, sandbox.clock.nowMs())
  await fillUploads(context, uploads, client, sandbox.clock.nowMs())
  await plantCanaries(context, client, user)
  const backups = path.join(volumeDirectory, 'backups')
  await makeDirectory(backups, user)
  await dumpTables(client, backups)
  const { version, rows } = await describeDatabase(client)
  context.report.tool.postgres = version
  context.report.world = { rows, uploads: uploads.count }
  await client.end()
  await cluster.stop()
  timeline.note(
    `PostgreSQL ${version} with ${countText(rows)} rows and ${countText(uploads.count)} uploads on ${volumeId}, dumps beside them`,
  )
  return { binaries, user, volumeId, volumeDirectory, uploads, start }
}

export function connectEc2(
  endpoint: string,
  region: string,
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string },
): EC2Client {
  return new EC2Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } })
}

export interface Stretch {
  readonly nowMs: number
  /** Different for each stretch of the workload, so that no two change the same rows. */
  readonly seed: number
}

/** Runs the workload of the rental desks on a running cluster. */
export async function work(
  context: DrillContext,
  { uploads }: Production,
  cluster: Cluster,
  { nowMs, seed }: Stretch,
): Promise<WorkloadCounts> {
  const client = await cluster.connect()
  const counts = countNothing()
  const random = seedRandom(context.seed * 31 + seed)
  for (let round = 0; round < context.size.rounds; round++) {
    context.signal.throwIfAborted()
    await runRound(client, { uploads, random, size: context.size, nowMs }, counts)
    context.timeline.progress(`the desks at work: round ${round + 1} of ${context.size.rounds}`)
  }
  await client.end()
  return counts
}

/** Takes the account's own volume snapshot, which the agent's credential can delete. */
export async function takeSnapshot(
  { sandbox, accounts, region }: Provisioned,
  { volumeId }: Production,
): Promise<void> {
  const ec2 = connectEc2(sandbox.endpoint, region, sandbox.rootCredentials(accounts.production))
  await ec2.send(new CreateSnapshotCommand({ VolumeId: volumeId, Description: 'nightly' }))
}

async function fillUploads(
  context: DrillContext,
  uploads: Uploads,
  client: pg.Client,
  nowMs: number,
): Promise<void> {
  const added: Upload[] = []
  for (let index = 0; index < context.size.uploads; index++) {
    added.push(uploads.add(nowMs))
    if (index % 250 > 0) continue
    // Yield to the event loop, because the writes are synchronous and the cloud runs in this process.
    await new Promise((resolve) => setImmediate(resolve))
    context.timeline.progress(`writing uploads: ${index} of ${context.size.uploads}`)
  }
  await recordUploads(client, added, nowMs)
}

/** Plants settings and triggers that run commands. They run in production, and must not run after a restore. */
async function plantCanaries(context: DrillContext, client: pg.Client, user: UserIds | null): Promise<void> {
  const { canary } = directories(context)
  await makeDirectory(canary, user)
  // The command reads its input to the end, because an early end sometimes fails the COPY that feeds it.
  const sing = (name: string) => `cat > ${client.escapeIdentifier(path.join(canary, name))}`
  await client.query(
    `CREATE FUNCTION greet() RETURNS event_trigger LANGUAGE plpgsql AS ${client.escapeLiteral(
      `BEGIN EXECUTE ${client.escapeLiteral(`COPY (SELECT 1) TO PROGRAM ${client.escapeLiteral(sing(canaries.login))}`)}; END`,
    )}`,
  )
  await client.query('CREATE EVENT TRIGGER greet ON login EXECUTE FUNCTION greet()')
  await client.query('ALTER EVENT TRIGGER greet ENABLE ALWAYS')
  await client.query(`ALTER SYSTEM SET archive_mode = 'on'`)
  await client.query(
    `ALTER SYSTEM SET archive_command = ${client.escapeLiteral(`${sing(canaries.archive)} < /dev/null`)}`,
  )
}

const canaries = { login: 'login-trigger-ran', archive: 'archive-command-ran' } as const

/** Returns the names of the canaries that ran since the last call, and resets them. */
export async function hearCanaries(context: DrillContext): Promise<string[]> {
  const sung: string[] = []
  for (const name of Object.values(canaries)) {
    const file = path.join(directories(context).canary, name)
    const exists = await readFile(file).then(
      () => true,
      () => false,
    )
    if (exists) sung.push(name)
    await rm(file, { force: true })
  }
  return sung
}

async function makeDirectory(directory: string, user: UserIds | null): Promise<void> {
  await mkdir(directory, { mode: 0o755 })
  if (user !== null) await chown(directory, user.uid, user.gid)
}

async function describeDatabase(client: pg.Client): Promise<{ version: string; rows: number }> {
  const { rows } = await client.query<{ version: string; rows: string }>(
    `SELECT current_setting('server_version') AS version,
       (SELECT count(*) FROM bookings) + (SELECT count(*) FROM customers) + (SELECT count(*) FROM payments) + (SELECT count(*) FROM vehicles)
         + (SELECT count(*) FROM branches) + (SELECT count(*) FROM documents) AS rows`,
  )
  return { version: String(rows[0]?.version), rows: Number(rows[0]?.rows) }
}
