// The events at noon.
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { ulid } from 'ulid'
import { manifestKey } from '../../core/store/vault-keys.ts'
import { dutyRoleName, writerRoleName } from '../../guardrails/names.ts'
import { runAgent } from '../incident/agent/agent-process.ts'
import type { DrillCloud } from '../incident/cloud.ts'
import { compareFiles, recordFiles } from '../incident/expected-state/files.ts'
import { seedRandom } from '../incident/seeded-random.ts'
import { writeWorkingTree } from '../incident/world/working-tree.ts'
import { exampleAccounts } from '../sandbox/loader/example-config.ts'
import { weekSources } from './calendar.ts'
import type { NoonEvent, WeekSource } from './calendar.ts'
import type { NightWorld } from './night.ts'

export interface NoonScene {
  world: NightWorld
  cloud: Pick<DrillCloud, 'sandbox'>
  region: string
  seed: number
  signal: AbortSignal
}

const treeFiles = 40

/** Returns what went otherwise than the calendar says. */
export const noonEvents: Readonly<Record<NoonEvent, (scene: NoonScene) => Promise<string[]>>> = {
  agent: wipeProduction,
  recovery: recoverProduction,
  'stolen-writer': async ({ world }) => {
    world.running.delete('rental-db')
    return addGarbage(world)
  },
  'second-byte': ({ world }) => addGarbage(world),
  revocation: ({ world }) => {
    world.running.add('rental-db')
    world.bogus.push(...world.garbage)
    return Promise.resolve([])
  },
  retirement: ({ world }) => {
    world.running.delete('uploads')
    return Promise.resolve([])
  },
}

async function wipeProduction({ world, cloud, region, seed, signal }: NoonScene): Promise<string[]> {
  const { sandbox } = cloud
  const tree = path.join(world.home, 'repository')
  await mkdir(tree)
  const key = sandbox.rootCredentials(exampleAccounts.production)
  writeWorkingTree(tree, treeFiles, seedRandom(seed), key)
  const { attempts } = await runAgent(tree, { endpoint: sandbox.endpoint, region }, signal)
  const refused = attempts.filter(({ allowed }) => !allowed)
  return [
    ...refused.map(({ what: call, resource, answer }) => `the agent's ${call} ${resource}: ${answer}`),
    ...(world.production.isThere ? ['the volume is still there'] : []),
  ]
}

async function recoverProduction({ world }: NoonScene): Promise<string[]> {
  await world.production.mountNewVolume()
  const findings: string[] = []
  for (const source of weekSources)
    findings.push(...(await restoreSource(world, source, world.production.directoryOf(source))))
  return findings
}

/** Restores the newest state of a source, and compares it with the record of its last backup. */
async function restoreSource(world: NightWorld, source: WeekSource, target: string): Promise<string[]> {
  const { status, stderr } = await world.vault.run(dutyRoleName('restorer'), [
    ...['restore', '--source', source, '--target', target],
    ...['--notary-key', world.vault.notaryKeyFile],
  ])
  if (status !== 0) return [`the restore of ${source} ended with ${status}: ${stderr.trim()}`]
  const differences = compareFiles(world.production.lastBackup.get(source)!, recordFiles(target))
  return differences.map((difference) => `${source} after its restore: ${difference}`)
}

/** After the last night: the silent source comes back whole, although its own locks have ended. */
export async function restoreSilentSource(world: NightWorld): Promise<string[]> {
  const target = path.join(world.home, 'restored')
  const findings = await restoreSource(world, 'uploads', target)
  await rm(target, { recursive: true, force: true })
  const { status, stderr } = await world.vault.run(dutyRoleName('restorer'), [
    ...['verify', '--source', 'uploads', '--min-lock-days', '1'],
    ...['--notary-key', world.vault.notaryKeyFile],
  ])
  return status === 0 ? findings : [...findings, `verify ended with ${status}: ${stderr.trim()}`]
}

async function addGarbage({ vault, garbage }: NightWorld): Promise<string[]> {
  const id = ulid(vault.nowMs)
  garbage.push(id)
  const { refusal } = await vault.upload(writerRoleName('rental-db'), manifestKey('rental-db', id), 'x')
  return refusal === null ? [] : [`the stolen writer can't add its byte: ${refusal}`]
}
