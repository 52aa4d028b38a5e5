// The last step: the nights in the vault's account. Attacks that delete nothing: backups that stop, or that hold less
// than they should. The checks must turn red within the objective, and the custodian must keep what is good.
//
// The nights have a cloud of their own with every guard of the program, because the vault of the other steps is full
// of the attacks' objects. `--without` takes a check, or a rule of the custodian, out of the commands.
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ulid } from 'ulid'
import { defaultObjectives } from '../../../checks/settings.ts'
import { durationText } from '../../../core/duration-text.ts'
import { manifestKey } from '../../../core/store/vault-keys.ts'
import { dutyRoleName, writerRoleName } from '../../../guardrails/names.ts'
import { TurnableClock } from '../../sandbox/clock.ts'
import { exampleConfig } from '../../sandbox/loader/example-config.ts'
import { loadExample } from '../../sandbox/loader/loader.ts'
import { dayMs } from '../attack/attack.ts'
import type { ClaimFindings, ClaimName } from '../claims.ts'
import { startCloud } from '../cloud.ts'
import { directories } from '../drill-context.ts'
import type { DrillContext } from '../drill-context.ts'
import { compareFiles, recordFiles } from '../expected-state/files.ts'
import type { DirectoryState } from '../expected-state/files.ts'
import { forgeSnapshot } from '../nights/forged-snapshot.ts'
import { checkFlags, custodianFlags, findNightGuard } from '../nights/night-guards.ts'
import { NightVault } from '../nights/night-vault.ts'
import type { BackupRun } from '../nights/night-vault.ts'

const hourMs = 3_600_000
const { maxAgeMs } = defaultObjectives
/** A check a minute after the objective has passed. */
const missedMs = maxAgeMs + 60_000
const volume = 'uploads'
const cluster = 'rental-db'
/** How long the source is silent, and how often the custodian runs meanwhile. */
const silence = { days: 80, everyDays: 20, minLockDays: 10 } as const

interface Scene {
  vault: NightVault
  folders: ReturnType<typeof nightFolders>
  without: string | null
  /** Ids of all snapshots, which an operator would accept without the guard `good-snapshots`. */
  snapshots: string[]
  /** Ids of garbage that an operator has recognized. */
  garbage: string[]
}

function nightFolders(root: string) {
  const below = (name: string) => path.join(root, name)
  return {
    cloud: below('cloud'),
    home: below('home'),
    volume: below('volume'),
    cluster: below('cluster'),
    tablespace: below('tablespace'),
    restored: below('restored'),
  }
}

/** @param names of the claims to examine; all by default. */
export async function passNights(
  context: DrillContext,
  names: readonly ClaimName[] = nightClaims.map(([name]) => name),
): Promise<void> {
  const { ledger, timeline, cleanup, without } = context
  const guard = findNightGuard(without)
  if (guard !== null) timeline.note(`without ${guard.name}: ${guard.description}`)
  const folders = nightFolders(directories(context).nights)
  for (const folder of Object.values(folders).slice(0, -1)) await mkdir(folder, { recursive: true })
  const { region, vaultBucket } = exampleConfig
  const cloud = await startCloud({
    directory: folders.cloud,
    declaration: await loadExample(),
    clock: new TurnableClock(Date.now),
    region,
    cleanup,
  })
  const vault = new NightVault({ cloud, region, bucket: vaultBucket, home: folders.home })
  await vault.publishNotaryKey()
  await fillVolume(folders.volume)
  await fillCluster(folders.cluster)
  const scene: Scene = { vault, folders, without, snapshots: [], garbage: [] }
  for (const [name, examine] of nightClaims) {
    if (!names.includes(name)) continue
    context.signal.throwIfAborted()
    timeline.progress(`the nights: ${name}`)
    await ledger.examine(name, () => examine(scene))
  }
  await cloud.stop()
}

const nightClaims: readonly (readonly [ClaimName, (scene: Scene) => Promise<ClaimFindings>])[] = [
  ['stopped-backups-turn-red', examineStopped],
  ['garbage-turns-red', examineGarbage],
  ['emptied-source-turns-red', examineEmptied],
  ['incomplete-snapshots-turn-red', examineIncomplete],
  ['silent-source-stays-restorable', examineSilence],
]

async function fillVolume(directory: string): Promise<void> {
  for (let index = 0; index < 20; index++)
    await writeFile(path.join(directory, `upload-${index}`), `upload ${index}, `.repeat(200))
}

/** The files by which a cluster is recognized: no server starts on it here. */
async function fillCluster(directory: string): Promise<void> {
  for (const name of ['base', 'global', 'pg_tblspc']) await mkdir(path.join(directory, name))
  await writeFile(path.join(directory, 'PG_VERSION'), '18\n')
  await writeFile(path.join(directory, 'global', 'pg_control'), 'control')
  for (let index = 0; index < 20; index++)
    await writeFile(path.join(directory, 'base', String(index)), `page ${index}, `.repeat(200))
}

async function backUp(scene: Scene, run: BackupRun, expectedStatus = 0): Promise<string[]> {
  const { status, stderr, records } = await scene.vault.backUp(run)
  const [record] = records as unknown as [{ snapshot: { id: string } | null } | undefined]
  if (record?.snapshot) scene.snapshots.push(record.snapshot.id)
  if (status === expectedStatus) return []
  return [`the backup of ${run.source} ended with ${status}, not ${expectedStatus}: ${stderr.trim()}`]
}

const goodRuns = (folders: Scene['folders']): Record<typeof volume | typeof cluster, BackupRun> => ({
  [volume]: { source: volume, directory: folders.volume },
  [cluster]: { source: cluster, directory: folders.cluster, kind: 'postgres' },
})

function check({ vault, without, snapshots, garbage }: Scene, source: string) {
  const { promiseDays, generationDays } = exampleConfig
  return vault.check(source, [
    ...['--promise-days', String(promiseDays), '--generation-days', String(generationDays)],
    ...checkFlags(without, snapshots),
    ...garbage.flatMap((id) => ['--ignore', id]),
  ])
}

/** A good backup, after which the checks of the claim are green: then the attack alone can turn them red. */
async function begin(scene: Scene, source: typeof volume | typeof cluster): Promise<string[]> {
  const findings = await backUp(scene, goodRuns(scene.folders)[source])
  const { red, findings: reasons } = await check(scene, source)
  const early = red.filter((id) => id === 'freshness' || id === 'tamper')
  return [...findings, ...early.map((id) => `${id} is red before the attack: ${reasons[id]}`)]
}

/** Asks a minute after the newest good snapshot has become older than the objective. */
async function examineRed(
  scene: Scene,
  source: string,
  expected: Readonly<Record<string, RegExp>>,
): Promise<ClaimFindings> {
  const { status, red, findings } = await check(scene, source)
  const missing = Object.entries(expected).flatMap(([id, reason]) => {
    if (!red.includes(id)) return [`${id} is green ${durationText(missedMs)} after the last good snapshot`]
    return reason.test(findings[id]!) ? [] : [`${id} is red for another reason: ${findings[id]}`]
  })
  return {
    findings: status === 0 ? [...missing, 'holdfast check ended with 0'] : missing,
    evidence: `red at an age of ${durationText(missedMs)}: ${red.join(', ') || 'nothing'}; status ${status}`,
  }
}

const tooOld = /old; the objective is/

async function examineStopped(scene: Scene): Promise<ClaimFindings> {
  const { vault } = scene
  const findings = await begin(scene, volume)
  // The administrator has the session of every workload, and no other way to look backed up than the writer's.
  for (const key of [`reports/2026/01/01/${ulid()}.json`, `receipts/${volume}/${ulid()}/${ulid()}`]) {
    const { refusal } = await vault.upload(writerRoleName(volume), key, '{}')
    if (refusal !== 'AccessDenied') findings.push(`the writer's upload to ${key}: ${refusal ?? 'done'}`)
  }
  vault.pass(missedMs)
  const result = await examineRed(scene, volume, { freshness: tooOld })
  return { ...result, findings: [...findings, ...result.findings] }
}

async function examineGarbage(scene: Scene): Promise<ClaimFindings> {
  const { vault } = scene
  const findings = await begin(scene, volume)
  const ids: string[] = []
  for (const waitMs of [hourMs, dayMs]) {
    vault.pass(waitMs)
    const id = ulid(vault.nowMs)
    const { refusal } = await vault.upload(writerRoleName(volume), manifestKey(volume, id), 'x')
    if (refusal !== null) findings.push(`the stolen writer can't add its byte: ${refusal}`)
    ids.push(id)
  }
  vault.pass(missedMs - hourMs - dayMs)
  const result = await examineRed(scene, volume, { freshness: tooOld, tamper: /begin as a manifest/ })
  scene.garbage.push(...ids)
  return { ...result, findings: [...findings, ...result.findings] }
}

async function examineEmptied(scene: Scene): Promise<ClaimFindings> {
  const { vault, folders } = scene
  const findings = await begin(scene, volume)
  const run = goodRuns(folders)[volume]
  await rm(folders.volume, { recursive: true })
  await mkdir(folders.volume)
  vault.pass(12 * hourMs)
  findings.push(...(await backUp(scene, run, 2)))
  findings.push(...(await backUp(scene, { ...run, flags: ['--allow-empty'] })))
  vault.pass(missedMs - 12 * hourMs)
  const result = await examineRed(scene, volume, { freshness: tooOld })
  return { ...result, findings: [...findings, ...result.findings] }
}

/** The administrator moves the tables to a directory beside the cluster, where no backup of it reads. */
async function examineIncomplete(scene: Scene): Promise<ClaimFindings> {
  const { vault, folders } = scene
  const findings = await begin(scene, cluster)
  const link = path.join(folders.cluster, 'pg_tblspc', '16400')
  await symlink(folders.tablespace, link)
  vault.pass(12 * hourMs)
  findings.push(...(await backUp(scene, goodRuns(folders)[cluster], 3)))
  vault.pass(missedMs - 12 * hourMs)
  const result = await examineRed(scene, cluster, { freshness: tooOld })
  await rm(link)
  return { ...result, findings: [...findings, ...result.findings] }
}

async function examineSilence(scene: Scene): Promise<ClaimFindings> {
  const { vault, folders, without } = scene
  const findings = await backUp(scene, goodRuns(folders)[cluster])
  const id = scene.snapshots.at(-1)!
  const expected = recordFiles(folders.cluster)
  const keyFlags = ['--notary-key', vault.notaryKeyFile]
  const notary = dutyRoleName('notary')
  await vault.run(notary, ['notary', '--source', cluster, ...keyFlags])
  vault.pass(dayMs)
  const { promiseDays, generationDays } = exampleConfig
  const refusal = await forgeSnapshot(vault, {
    ...{ source: cluster, promiseDays, ...figuresOf(expected) },
    lock: { mode: 'COMPLIANCE', days: promiseDays + generationDays },
  })
  if (refusal !== null) findings.push(`the thief can't add a snapshot: ${refusal}`)
  await vault.run(notary, ['notary', '--source', cluster, ...keyFlags])
  const flags = custodianFlags(without, cluster, vault.notaryKeyFile)
  for (let day = 0; day < silence.days; day += silence.everyDays) {
    vault.pass(silence.everyDays * dayMs)
    const custodian = ['custodian', '--source', cluster, '--apply', ...flags]
    const { status, stderr } = await vault.run(dutyRoleName('custodian'), [
      ...[...custodian, '--promise-days', String(promiseDays)],
      // Twenty days at once are a larger share than a night's.
      ...['--max-prune-share', '100'],
    ])
    if (status !== 0) findings.push(`the custodian ended with ${status}: ${stderr.trim()}`)
  }
  findings.push(...(await examineKept(scene, id)))
  if (findings.length === 0) findings.push(...compareFiles(expected, recordFiles(folders.restored)))
  return { findings, evidence: `${silence.days} days of silence, in a vault that locks for 40` }
}

function figuresOf(state: DirectoryState): { files: number; bytes: number } {
  const files = Object.values(state).filter(({ kind }) => kind === 'file')
  return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** Looks at the locks of the snapshot, and restores what a restore chooses by itself. */
async function examineKept({ vault, folders }: Scene, id: string): Promise<string[]> {
  const restorer = dutyRoleName('restorer')
  const about = ['--source', cluster, '--notary-key', vault.notaryKeyFile]
  const locked = await vault.run(restorer, [
    ...['verify', '--source', cluster, '--snapshot', id, '--min-lock-days', String(silence.minLockDays)],
  ])
  const restored = await vault.run(restorer, ['restore', ...about, '--target', folders.restored])
  return [
    ...(locked.status === 0
      ? []
      : [`verify of the snapshot ended with ${locked.status}: ${locked.stderr.trim()}`]),
    ...(restored.status === 0
      ? []
      : [`the restore ended with ${restored.status}: ${restored.stderr.trim()}`]),
  ]
}
