// One night and its morning: the backups, then the commands of the vault's account, then the page.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { dutyRoleName } from '../../guardrails/names.ts'
import type { NightOutcome, NightVault } from '../incident/nights/night-vault.ts'
import { drilledSources, weekSources } from './calendar.ts'
import type { WeekSource } from './calendar.ts'
import type { Production } from './production.ts'

/** The lock ends within the three weeks, so that the custodian has to extend and to prune. */
export const retention = { promiseDays: 4, generationDays: 1 } as const

export interface NightWorld {
  vault: NightVault
  production: Production
  home: string
  /** The sources whose host runs. */
  running: Set<WeekSource>
  /** Ids of what a stolen writer put under the manifests. */
  garbage: string[]
  /** Those that an operator has recognized. */
  bogus: string[]
}

export interface Morning {
  /** The ids of the red checks of each source that has one. */
  red: Partial<Record<WeekSource, string[]>>
  /** The commands of the night that ended with another status than 0. */
  failed: string[]
  /** The page of `holdfast report`, for a browser and for a terminal. */
  page: { html: string; text: string }
  isPageRed: boolean
  extended: number
  pruned: number
}

const promiseFlags = ['--promise-days', String(retention.promiseDays)]

/** At 01:00. Returns the names of the backups that failed. */
export async function backUpSources({ vault, production, running }: NightWorld): Promise<string[]> {
  const failed: string[] = []
  for (const source of weekSources) {
    if (!running.has(source)) continue
    const directory = production.directoryOf(source)
    const { status } = await vault.backUp({ source, directory, flags: promiseFlags })
    if (status === 0) production.recordBackup(source)
    else failed.push(`backup ${source}`)
  }
  return failed
}

/** At 04:00. */
export async function lookAfterVault(
  world: NightWorld,
  day: number,
): Promise<Omit<Morning, 'page' | 'isPageRed'>> {
  const { vault, home } = world
  const key = ['--notary-key', vault.notaryKeyFile]
  const failed: string[] = []
  const runDuty = async (duty: 'notary' | 'custodian' | 'drill', args: string[]): Promise<NightOutcome> => {
    const outcome = await vault.run(dutyRoleName(duty), [...args, ...key])
    // The checks fail by their findings, which the calendar has one by one.
    if (outcome.status !== 0 && args[0] !== 'check') failed.push(args[0]!)
    return outcome
  }
  await runDuty('notary', ['notary', ...promiseFlags])
  const custody = await runDuty('custodian', ['custodian', '--apply', ...promiseFlags])
  const state = path.join(home, 'state')
  const settings = await writeSettings(world)
  const checked = await runDuty('drill', ['check', '--checks', settings, '--state-dir', state])
  if (await hasFailedDrill(world, day, settings)) failed.push('drill')
  return { red: redChecks(checked), failed, ...deedOf(custody) }
}

/** Restores the newest state of a source, and a random one, and measures both against the objectives. */
async function hasFailedDrill({ vault, home }: NightWorld, day: number, settings: string): Promise<boolean> {
  const source = drilledSources[day]
  if (source === undefined) return false
  const scratch = path.join(home, 'scratch')
  await mkdir(scratch, { recursive: true })
  const { status } = await vault.run(dutyRoleName('drill'), [
    ...['drill', '--source', source, '--seed', `day-${day}`, '--scratch', scratch],
    ...['--checks', settings, '--notary-key', vault.notaryKeyFile],
  ])
  return status !== 0
}

/** At 07:00. */
export async function readPage({ vault, home }: NightWorld): Promise<Pick<Morning, 'page' | 'isPageRed'>> {
  const file = path.join(home, 'morning.html')
  const { status, stdout } = await vault.runInWords(dutyRoleName('restorer'), [
    ...['report', '--since', '7d', '--html', file],
  ])
  return { page: { html: await readFile(file, 'utf8'), text: stdout }, isPageRed: status !== 0 }
}

async function writeSettings({ home, bogus }: NightWorld): Promise<string> {
  const file = path.join(home, 'checks.yaml')
  const { promiseDays, generationDays } = retention
  await writeFile(
    file,
    JSON.stringify({
      formatVersion: 1,
      defaults: { maxAge: '26h', guaranteedDays: promiseDays, generationDays, readDays: 3 },
      sources: { 'rental-db': { ignore: bogus }, uploads: {} },
    }),
  )
  return file
}

function redChecks({ records, stderr }: NightOutcome): Morning['red'] {
  const sources = records.filter(({ type }) => type === 'source-checks') as unknown as {
    source: WeekSource
    red: string[]
  }[]
  if (sources.length !== weekSources.length) throw new Error(`not every source was checked: ${stderr.trim()}`)
  return Object.fromEntries(
    sources.filter(({ red }) => red.length > 0).map(({ source, red }) => [source, red]),
  )
}

function deedOf({ records, stderr }: NightOutcome): Pick<Morning, 'extended' | 'pruned'> {
  const run = records.find(({ type }) => type === 'custodian') as
    { done: { extended: { versions: number }; pruned: { versions: number } } } | undefined
  if (run === undefined) throw new Error(`the custodian did nothing: ${stderr.trim()}`)
  return { extended: run.done.extended.versions, pruned: run.done.pruned.versions }
}
