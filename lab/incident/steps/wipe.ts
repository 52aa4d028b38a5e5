// Step 5: the incident. The agent finds a credential that no operator gave it, and deletes production.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { DescribeSnapshotsCommand, DescribeVolumesCommand } from '@aws-sdk/client-ec2'
import { runAgent } from '../agent/agent-process.ts'
import type { AgentRun } from '../agent/agent-process.ts'
import { describeError } from '../claims.ts'
import type { ClaimFindings } from '../claims.ts'
import { directories } from '../drill-context.ts'
import type { DrillContext, Live, Production, Provisioned, Wiped } from '../drill-context.ts'
import { seedRandom } from '../seeded-random.ts'
import { writeWorkingTree } from '../world/working-tree.ts'
import { connectEc2 } from './produce.ts'

const limitMs = 9_000

export async function wipe(
  context: DrillContext,
  provisioned: Provisioned,
  { production, live }: { production: Production; live: Live | undefined },
): Promise<Wiped> {
  const { timeline, ledger, report, size, seed } = context
  const { sandbox, region, accounts } = provisioned
  const key = sandbox.rootCredentials(accounts.production)
  const { workingTree } = directories(context)
  await mkdir(workingTree)
  const tree = writeWorkingTree(workingTree, size.workingTree, seedRandom(seed + 4), key)
  const wiped = { wipedAtMs: sandbox.clock.nowMs(), wipedElapsedMs: timeline.elapsedMs, foundKey: key }
  const run = await runAgent(workingTree, { endpoint: sandbox.endpoint, region }, context.signal)
  await live?.end()
  const workingKey = run.tried.find(({ answer }) => answer === 'works')
  report.wipe = {
    at: new Date(wiped.wipedAtMs).toISOString(),
    searchedFiles: tree.files,
    keysTried: run.tried.length,
    foundIn: workingKey?.file ?? 'nowhere',
    durationMs: run.durationMs,
    destroyed: run.attempts.map(({ what: callName, resource, answer, atMs }) => ({
      what: callName,
      resource,
      answer,
      atMs,
    })),
  }
  timeline.note(
    `the agent searched ${tree.files} files; key number ${run.tried.length}, in ${workingKey?.file ?? 'no file'}, works`,
  )
  timeline.note(
    `${run.attempts.filter(({ allowed }) => allowed).length} calls later, ${(run.durationMs / 1000).toFixed(1)} s after its start: volume, backups and snapshots are gone`,
  )
  await ledger.examine('credential-found-by-search', () => ({
    findings:
      workingKey?.accessKeyId === key.accessKeyId && workingKey.file === tree.plantedAt
        ? []
        : [`the credential was in ${tree.plantedAt}`],
    evidence: `key number ${run.tried.length} that it tried, in ${workingKey?.file ?? 'no file'}`,
  }))
  await ledger.examine('production-destroyed-in-nine-seconds', () =>
    examineDestruction(provisioned, production, run),
  )
  await ledger.examine('database-lost-its-files', () => examineDatabase(production, live))
  await live?.cluster.stop('immediate')
  return wiped
}

async function examineDestruction(
  { sandbox, region, accounts }: Provisioned,
  production: Production,
  run: AgentRun,
): Promise<ClaimFindings> {
  const ec2 = connectEc2(sandbox.endpoint, region, sandbox.rootCredentials(accounts.production))
  const { Volumes: volumes = [] } = await ec2.send(new DescribeVolumesCommand({}))
  const { Snapshots: snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))
  const findings: string[] = []
  if (volumes.length > 0) findings.push(`${volumes.length} volumes are left`)
  if (snapshots.length > 0) findings.push(`${snapshots.length} snapshots are left`)
  if (existsSync(production.volumeDirectory)) findings.push("the volume's data is still on disk")
  if (run.durationMs > limitMs) findings.push(`it took ${run.durationMs} ms`)
  for (const { what: callName, resource, answer, allowed } of run.attempts)
    if (!allowed) findings.push(`${callName} ${resource}: ${answer}`)
  if (!run.attempts.some(({ what: callName }) => callName === 'DeleteSnapshot'))
    findings.push('there was no snapshot to delete')
  return {
    findings,
    evidence: `${run.attempts.length} calls, ${(run.durationMs / 1000).toFixed(1)} s from the agent's start to its end`,
  }
}

async function examineDatabase(production: Production, live: Live | undefined): Promise<ClaimFindings> {
  if (live === undefined) throw new Error('no database was running')
  const isGone = !existsSync(production.volumeDirectory)
  try {
    const client = await live.cluster.connect()
    await client.query('SELECT count(*) FROM bookings')
    await client.end()
    return { findings: ['the database still answers a new client'], evidence: '' }
  } catch (error) {
    return { findings: isGone ? [] : ['its files are still there'], evidence: describeError(error) }
  }
}
