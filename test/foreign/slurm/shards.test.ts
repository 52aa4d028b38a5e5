// Real Slurm runs the shards of a restore and of a verification, by the script that the package has for it. Each task
// has a link of its own, so that a shard waits for its link and not for one of two processors.
//
// A measurement sets how much is restored and how wide a link is (HOLDFAST_SHARD_MIB, HOLDFAST_SHARD_LINK_MIB), a built
// command in place of the sources (HOLDFAST_PROGRAM) and a directory for the targets (HOLDFAST_SHARD_TARGETS).
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { ThirdPartyVault } from '../store/third-party-vault.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { startSlowLink } from './slow-link.ts'
import { startSlurm } from './slurm-cluster.ts'

const mib = 1024 * 1024
const linkMib = Number(process.env['HOLDFAST_SHARD_LINK_MIB'] ?? 20)
const totalMib = Number(process.env['HOLDFAST_SHARD_MIB'] ?? 240)
/** A run whose one shard takes 80 seconds: then the start of a task counts little. */
const isMeasured = totalMib / linkMib >= 80
const fileMib = 4
const script = resolve(import.meta.dirname, '../../../deploy/slurm/holdfast-shards')
const program =
  process.env['HOLDFAST_PROGRAM'] ?? resolve(import.meta.dirname, '../../../restore-cli/main.ts')

const vault = await ThirdPartyVault.start()
const slurm = await startSlurm()
const home = makeFolder()
const tree = join(home, 'tree')
const targets = process.env['HOLDFAST_SHARD_TARGETS'] ?? home
let snapshot = ''

beforeAll(async () => {
  for (const name of ['a', 'b/deep', 'small', 'empty']) mkdirSync(join(tree, name), { recursive: true })
  for (let file = 0; file < totalMib / fileMib; file++)
    writeFileSync(join(tree, file % 2 === 0 ? 'a' : 'b/deep', `f${file}`), randomBytes(fileMib * mib))
  for (let file = 0; file < 500; file++) writeFileSync(join(tree, 'small', `s${file}`), `small file ${file}`)
  linkSync(join(tree, 'a/f0'), join(tree, 'b/again'))
  symlinkSync('a/f0', join(tree, 'link'))
  const backup = await vault.holdfast([
    ...['backup', tree, '--source', 'sharded', '--bucket', 'locked', '--json'],
    ...['--cache-dir', join(home, 'cache')],
  ])
  expect(backup).toMatchObject({ status: 0 })
  snapshot = (backup.records()[0]!['snapshot'] as { id: string }).id
})

/** The tasks of one run, by the times that they wrote. */
interface Tasks {
  status: number | null
  /** From the begin of the first task to the end of the last one, without Slurm's own time. */
  seconds: number
  records: Record<string, unknown>[]
}

async function submit(
  command: 'restore' | 'verify',
  count: number,
  options: readonly string[],
): Promise<Tasks> {
  const folder = makeFolder()
  const links = await Promise.all(
    Array.from({ length: count }, () =>
      startSlowLink(Number(new URL(vault.gateway.endpoint).port), linkMib * mib),
    ),
  )
  writeFileSync(join(folder, 'links'), links.map(({ port }) => `${port}\n`).join(''))
  writeFileSync(
    join(folder, 'holdfast'),
    `#!/bin/sh
task=\${SLURM_ARRAY_TASK_ID:-finish}
port=$(sed -n "\${SLURM_ARRAY_TASK_ID:-1}p" ${folder}/links)
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
date +%s.%N >${folder}/$task.times
${process.execPath} --disable-warning=ExperimentalWarning ${program} "$@" >${folder}/$task.json
status=$?
date +%s.%N >>${folder}/$task.times
exit $status
`,
    { mode: 0o755 },
  )
  const { region, credentials } = vault.gateway
  const { status } = await run(script, [command, String(count), ...options, '--json'], {
    ...slurm,
    HOME: home,
    PATH: [folder, process.env['PATH'] ?? ''].join(delimiter),
    SHARDS_WAIT: '1',
    SBATCH_OUTPUT: join(folder, 'slurm-%A-%a.log'),
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  })
  links.forEach(({ stop }) => stop())
  const tasks = Array.from({ length: count }, (_, index) => String(index + 1))
  const times = tasks.map((task) =>
    readFileSync(join(folder, `${task}.times`), 'utf8')
      .trim()
      .split('\n')
      .map(Number),
  )
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'))
  if (status !== 0)
    process.stderr.write(logs.map((name) => readFileSync(join(folder, name), 'utf8')).join(''))
  return {
    status,
    seconds: Math.max(...times.map((pair) => pair[1]!)) - Math.min(...times.map((pair) => pair[0]!)),
    records: tasks.flatMap((task) => recordsIn(join(folder, `${task}.json`))),
  }
}

function recordsIn(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null }> {
  const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: 280_000 })
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (status) => done({ status }))
  })
}

describe('Slurm', () => {
  const seconds = new Map<number, number>()
  afterAll(() => {
    const text = [...seconds].map(([count, time]) => `${count}: ${time.toFixed(1)} s`).join(', ')
    process.stdout.write(`restore of ${totalMib} MiB by shards, each with ${linkMib} MiB/s: ${text}\n`)
  })

  test.each([1, 2, 4, 8])('restores a vault in %i tasks, and verifies it', async (count) => {
    const target = join(targets, `restored-${count}`)
    const name = ['--bucket', 'locked', '--source', 'sharded', '--snapshot', snapshot]
    const restored = await submit('restore', count, [...name, '--target', target])
    expect(restored.status).toBe(0)
    seconds.set(count, restored.seconds)
    expect(describeDirectory(target)).toEqual(describeDirectory(tree))
    // A measurement is about the restore alone, and the time of a lane is short.
    if (count === 1 || isMeasured) return
    const verified = await submit('verify', count, [...name, '--read-data'])
    // VersityGW records no default lock on a version, which is status 9: every byte is intact (docs/stores.md).
    expect(verified.records.map(({ intact, shard }) => [intact, shard])).toEqual(
      Array.from({ length: count }, (_, index) => [true, { index: index + 1, count }]),
    )
    const packs = verified.records.map(({ packsRead }) => Number(packsRead))
    expect(packs.length).toBe(count)
    expect(packs.reduce((sum, part) => sum + part, 0)).toBeGreaterThan((totalMib * 0.9) / 16)
  })

  // On a busy machine the tasks wait for its processors, and not for their links.
  test.runIf(isMeasured)('is faster with more tasks, as long as each has a link of its own', () => {
    const [singleTask, fourTasks, eightTasks] = [1, 4, 8].map((count) => seconds.get(count)!) as [
      number,
      number,
      number,
    ]
    expect(singleTask / fourTasks).toBeGreaterThan(3.6)
    expect(singleTask / eightTasks).toBeGreaterThan(6.5)
  })

  test('names the shard that was never run, and publishes nothing', async () => {
    const target = join(home, 'partial')
    const name = ['--bucket', 'locked', '--source', 'sharded', '--snapshot', snapshot, '--target', target]
    expect((await vault.holdfast(['restore', ...name, '--shard', '2/2', '--json'])).status).toBe(0)
    const end = await vault.holdfast(['restore', ...name, '--finish', '--json'])
    expect(end.status).toBe(3)
    expect(end.stderr).toContain('of 2 shards, 1 never began')
    expect(readdirSync(target).filter((entry) => !entry.startsWith('.holdfast-restore-'))).toEqual([])
  })
})
