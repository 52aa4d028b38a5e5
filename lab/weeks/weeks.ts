// Three weeks of a vault on a turned clock: backups of two sources, and every night the commands of the vault's
// account, with an attack in week two and a silent source in week three. Each morning is compared with the calendar.
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { armingPhrase } from '../../infra/config.ts'
import type { Cleanup } from '../incident/cleanup.ts'
import { startCloud } from '../incident/cloud.ts'
import { NightVault } from '../incident/nights/night-vault.ts'
import { seedRandom } from '../incident/seeded-random.ts'
import { TurnableClock } from '../sandbox/clock.ts'
import { exampleConfig } from '../sandbox/loader/example-config.ts'
import { loadDeclaration } from '../sandbox/loader/loader.ts'
import { calendar, weekSources } from './calendar.ts'
import type { CalendarDay } from './calendar.ts'
import { backUpSources, lookAfterVault, readPage, retention } from './night.ts'
import type { Morning, NightWorld } from './night.ts'
import { noonEvents, restoreSilentSource } from './noon.ts'
import type { NoonScene } from './noon.ts'
import { Production } from './production.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Fixed, so that the pages of two runs have the same dates. A Monday. */
const firstDayMs = Date.UTC(2026, 0, 5)

export interface DayResult extends Morning {
  calendarDay: CalendarDay
  /** Differences from the calendar: a red check, a green one, a command. */
  deviations: string[]
}

export interface WeeksOptions {
  /** An empty directory. */
  workDirectory: string
  seed: number
  cleanup: Cleanup
  signal: AbortSignal
  onDay?: (result: DayResult) => Promise<void> | void
}

export async function runWeeks(options: WeeksOptions): Promise<DayResult[]> {
  const scene = await openWorld(options)
  const results: DayResult[] = []
  for (const calendarDay of calendar) {
    options.signal.throwIfAborted()
    const result = await passDay(scene, calendarDay)
    results.push(result)
    await options.onDay?.(result)
  }
  return results
}

async function openWorld({ workDirectory, seed, cleanup, signal }: WeeksOptions): Promise<NoonScene> {
  const { region, vaultBucket } = exampleConfig
  const home = path.join(workDirectory, 'home')
  await mkdir(home, { recursive: true })
  const { promiseDays, generationDays } = retention
  const arm = armingPhrase(vaultBucket, promiseDays + generationDays)
  const cloud = await startCloud({
    directory: path.join(workDirectory, 'cloud'),
    declaration: await loadDeclaration({ config: { promiseDays, generationDays, arm } }),
    clock: new TurnableClock(Date.now, firstDayMs - Date.now()),
    region,
    cleanup,
  })
  const vault = new NightVault({ cloud, region, bucket: vaultBucket, home })
  await vault.publishNotaryKey()
  const mount = path.join(workDirectory, 'production')
  const production = new Production({ cloud, region }, { mount, random: seedRandom(seed) })
  await production.mountNewVolume()
  await production.fill()
  const world = { vault, production, home, running: new Set(weekSources), garbage: [], bogus: [] }
  return { world, cloud, region, seed, signal }
}

async function passDay(scene: NoonScene, calendarDay: CalendarDay): Promise<DayResult> {
  const { world } = scene
  const { day, noon } = calendarDay
  turnTo(world, day, 1)
  const failedBackups = await backUpSources(world)
  turnTo(world, day, 4)
  const night = await lookAfterVault(world, day)
  turnTo(world, day, 7)
  const page = await readPage(world)
  const morning = { ...night, ...page, failed: [...failedBackups, ...night.failed] }
  const deviations = compareMorning(calendarDay, morning)
  turnTo(world, day, 12)
  if (noon !== null) deviations.push(...(await noonEvents[noon](scene)))
  if (day === calendar.length) deviations.push(...(await restoreSilentSource(world)))
  await world.production.work()
  return { ...morning, calendarDay, deviations }
}

function turnTo({ vault }: NightWorld, day: number, hour: number): void {
  vault.pass(firstDayMs + (day - 1) * dayMs + hour * hourMs - vault.nowMs)
}

/** The differences of a morning from the calendar, in words. */
export function compareMorning(
  { red: expectedRed, failed: expectedFailed }: Pick<CalendarDay, 'red' | 'failed'>,
  { red, failed, isPageRed }: Pick<Morning, 'red' | 'failed' | 'isPageRed'>,
): string[] {
  const named = (checks: CalendarDay['red']): string[] =>
    weekSources.flatMap((source) => (checks[source] ?? []).map((check) => `${check} of ${source}`))
  const [expected, actual] = [named(expectedRed), named(red)]
  const isRedExpected = expected.length > 0
  return [
    ...without(expected, actual).map((check) => `${check} should be red, and is green`),
    ...without(actual, expected).map((check) => `${check} should be green, and is red`),
    ...without(expectedFailed, failed).map((command) => `${command} should fail, and did not`),
    ...without(failed, expectedFailed).map((command) => `${command} failed`),
    ...(isPageRed === isRedExpected
      ? []
      : [`the page should be ${isRedExpected ? 'red' : 'green'}, and is not`]),
  ]
}

function without(texts: readonly string[], excluded: readonly string[]): string[] {
  return texts.filter((text) => !excluded.includes(text))
}
