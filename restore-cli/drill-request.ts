// The states that a run of drills restores, and its probes: options of the command go before the file of `--checks`.
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { DigestList } from '../checks/drill/digest-list.ts'
import type { DrillOptions } from '../checks/drill/drill.ts'
import type { DrillObjectives } from '../checks/drill/drill-settings.ts'
import type { CheckSettings } from '../checks/settings.ts'
import { HoldfastError } from '../core/errors.ts'
import type { OpenVault } from './open-vault.ts'
import type { VaultAddress } from './vault-options.ts'

export interface DrillRequestFlags {
  choice: 'both' | 'random' | 'newest'
  seed?: string
  scratch?: string
  minutes: number
  maxAge?: number
  maxRestoreTime?: number
  promiseDays?: number
  /** False: `--no-start`. */
  start: boolean
  postgresBin?: string
  database?: string
  probe: string[]
  program?: string
  digests?: string
}

export interface DrillRequest {
  run: string
  scratch: string
  drills: DrillOptions[]
}

const maxMinutes = 7 * 24 * 60

/** @param sources to choose from, at least one. @throws `invalid-input`, `not-found` for a file. */
export async function drillRequest(
  { store, clock, random, signal }: OpenVault,
  flags: DrillRequestFlags,
  {
    settings,
    address,
    sources,
  }: { settings: CheckSettings; address: VaultAddress; sources: readonly string[] },
): Promise<DrillRequest> {
  const { ulid } = await import('ulid')
  const { defaultObjectives, objectivesOf } = await import('../checks/settings.ts')
  const { drawSource } = await import('../checks/drill/draw.ts')
  const { Namespaces } = await import('../checks/restore-test/isolation.ts')
  await assertLimits(flags)
  const run = ulid(clock.nowMs(), random)
  const seed = flags.seed ?? run
  const source = drawSource(seed, sources)
  const guaranteedDays = flags.promiseDays ?? address.promiseDays ?? defaultObjectives.guaranteedDays
  const configured = objectivesOf(settings, source, { ...defaultObjectives, guaranteedDays })
  const limitMs = flags.minutes * 60_000
  const scratch = resolve(flags.scratch ?? tmpdir())
  const shared = {
    ...{ store, clock, random, signal, source, seed, scratch },
    ...(await objectivesOfDrill(settings, source, flags)),
    maxAgeMs: flags.maxAge ?? configured.maxAgeMs,
    guaranteedDays: flags.promiseDays ?? configured.guaranteedDays,
    trustedKeys: address.trustedKeys,
    isolation: new Namespaces(),
    limit: AbortSignal.timeout(limitMs),
    endsMs: clock.nowMs() + limitMs,
  }
  const choices = flags.choice === 'both' ? (['random', 'newest'] as const) : [flags.choice]
  return { run, scratch, drills: choices.map((choice) => ({ ...shared, choice })) }
}

async function assertLimits({ seed, minutes }: DrillRequestFlags): Promise<void> {
  const { seedPattern } = await import('../checks/reports/drill-result.ts')
  if (seed !== undefined && !seedPattern.test(seed))
    throw new HoldfastError('invalid-input', '--seed is not the seed of a drill', {
      hint: 'use letters, digits, hyphens, underscores and dots, at most 80',
    })
  if (minutes < 1 || minutes > maxMinutes)
    throw new HoldfastError('invalid-input', `${minutes} minutes are not allowed`, {
      hint: `pass --minutes 1 to ${maxMinutes}`,
    })
}

async function objectivesOfDrill(
  settings: CheckSettings,
  source: string,
  flags: DrillRequestFlags,
): Promise<{ objectives: DrillObjectives; digests: DigestList | null }> {
  const { drillObjectivesOf } = await import('../checks/settings.ts')
  const configured = drillObjectivesOf(settings, source)
  const pathOf = (path: string | undefined) => (path === undefined ? undefined : resolve(path))
  const objectives = {
    maxRestoreTimeMs: flags.maxRestoreTime ?? configured.maxRestoreTimeMs,
    maxProbeTimeMs: configured.maxProbeTimeMs,
    start: flags.start && configured.start,
    postgresBin: pathOf(flags.postgresBin) ?? configured.postgresBin,
    database: flags.database ?? configured.database,
    queries: await joinQueries(flags.probe, configured.queries),
    program: pathOf(flags.program) ?? configured.program,
    digests: pathOf(flags.digests) ?? configured.digests,
  }
  return { objectives, digests: objectives.digests === null ? null : await readDigests(objectives.digests) }
}

async function joinQueries(texts: readonly string[], configured: readonly string[]): Promise<string[]> {
  const { maxQueries, probeQuery } = await import('../checks/drill/drill-settings.ts')
  if (texts.length + configured.length > maxQueries)
    throw new HoldfastError('invalid-input', `a drill has ${maxQueries} queries at most`, {
      hint: 'leave out some, or ask one query for several facts',
    })
  const queries = texts.map((text) => {
    const parsed = probeQuery.safeParse(text)
    if (parsed.success) return parsed.data
    throw new HoldfastError('invalid-input', `--probe ${parsed.error.issues[0]!.message}`, {
      hint: "pass --probe 'SELECT count(*) > 1000 FROM booking'",
    })
  })
  return [...queries, ...configured]
}

async function readDigests(file: string): Promise<DigestList> {
  const { maxDigestListBytes, parseDigestList } = await import('../checks/drill/digest-list.ts')
  const { readTextFile } = await import('../blast-radius/text-file.ts')
  return parseDigestList(readTextFile(file, { label: 'the list', maxBytes: maxDigestListBytes }), file)
}
