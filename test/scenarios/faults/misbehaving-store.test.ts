// Backup, verify and restore through the real adapter while the store misbehaves: each kind of fault at every
// other request, then all kinds at once as a seed decides. Each run ends well or with a failure that says
// what to do.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { openS3ObjectStore } from '../../../aws/s3-object-store.ts'
import type { S3ObjectStore, S3Settings } from '../../../aws/s3-object-store.ts'
import { isHoldfastError } from '../../../core/errors.ts'
import { listSnapshots, selectSnapshot } from '../../../core/snapshot/snapshot.ts'
import { backup } from '../../../engine/backup/backup.ts'
import type { BackupResult } from '../../../engine/operations.ts'
import { prepareRestore } from '../../../engine/restore/restore.ts'
import { verify } from '../../../engine/verify/verify.ts'
import { faultKinds } from '../../../lab/sandbox/gateway/faults.ts'
import type { FaultKind, FaultPlan } from '../../../lab/sandbox/gateway/faults.ts'
import type { Sandbox } from '../../../lab/sandbox/server.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { randomBytes, seededRandom } from '../../fixtures/manual-clock.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'
import { region, startWorld, vaultAccount } from '../../lab/sandbox/world.ts'

/** As the wall clock, but no test has to wait long. */
const clock = {
  nowMs: () => Date.now(),
  sleep: (ms: number, signal?: AbortSignal) => sleep(Math.min(ms, 5), undefined, { signal }),
}

const root = makeTemporaryDirectory(undefined, afterAll)
const directory = join(root, 'source')
mkdirSync(join(directory, 'deep'), { recursive: true })
writeFileSync(join(directory, 'large'), randomBytes(3 * 1024 * 1024, 1))
for (let index = 0; index < 20; index++)
  writeFileSync(join(directory, 'deep', `small-${index}`), `small file ${index}`)
const expected = describeDirectory(directory)
let folderCount = 0

interface Faulty {
  sandbox: Sandbox
  store: S3ObjectStore
  backup: () => Promise<BackupResult>
  /** Verifies the newest snapshot and restores it into a new directory, which it describes. */
  readBack: () => Promise<unknown>
}

async function startFaulty(
  faults: FaultPlan,
  settings: (sandbox: Sandbox) => Partial<S3Settings> = () => ({}),
): Promise<Faulty> {
  const sandbox = await startWorld({ faults })
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  const store = openS3ObjectStore({
    bucket: 'locked',
    region,
    endpoint: sandbox.endpoint,
    environment: {},
    credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
    deadlines: { silenceMs: (faults.rates.stall ?? 0) > 0 ? 2000 : 30_000 },
    ...settings(sandbox),
  })
  afterAll(() => store.close())
  const runFolder = join(root, `run-${++folderCount}`)
  const environment = { store, clock, random: seededRandom(faults.seed) }
  let targets = 0
  return {
    sandbox,
    store,
    backup: () =>
      backup({
        ...environment,
        source: 'files',
        kind: 'volume',
        directory,
        cacheDirectory: join(runFolder, 'cache'),
        promiseDays: 30,
        workers: 1,
        toolVersion: 'test',
      }),
    readBack: async () => {
      const { snapshot } = await selectSnapshot(store, await listSnapshots(store, 'files'), null)
      const verified = await verify({ ...environment, snapshot, readData: true })
      expect([verified.objects, verified.files]).toEqual([[], []])
      const target = join(runFolder, `target-${++targets}`)
      const { damaged } = await (
        await prepareRestore({ ...environment, snapshot, target, paths: [], workers: 1 })
      ).run()
      expect(damaged).toEqual([])
      return describeDirectory(target)
    },
  }
}

/**
 * The first two requests that read a thing, and the first three that write: each of these has a key of its
 * own.
 */
function atFirst(): NonNullable<FaultPlan['appliesTo']> {
  const counts = new Map<string, number>()
  return ({ method, path }) => {
    const key = method === 'PUT' ? method : path
    const times = (counts.get(key) ?? 0) + 1
    counts.set(key, times)
    return times <= (method === 'PUT' ? 3 : 2)
  }
}

/** Keys of the vault's account, other ones each time that they are asked for. */
function issue({ credentials }: Sandbox): { accessKeyId: string; secretAccessKey: string } {
  const { accessKeyId, secretAccessKey } = credentials.issue(
    { kind: 'root', accountId: vaultAccount, arn: `arn:aws:iam::${vaultAccount}:root` },
    null,
  )
  return { accessKeyId, secretAccessKey }
}

describe.concurrent('at the first requests', () => {
  const special: Partial<Record<FaultKind, Partial<FaultPlan>>> = {
    // Only an object's bytes have a hash that a reader checks.
    'flipped-byte': { appliesTo: ofObjects() },
    'short-page': { appliesTo: () => true },
    // More than five minutes, and the SDK takes it for this machine's clock that is wrong: below.
    'skewed-date': { skewMs: 240_000 },
  }
  test.each(faultKinds.filter((kind) => kind !== 'expired-token'))(
    '%s is survived: the snapshot is made, reads back and restores',
    async (kind) => {
      const { sandbox, backup, readBack } = await startFaulty({
        seed: 1,
        rates: { [kind]: 1 },
        stallMs: 20_000,
        slowMs: 20,
        appliesTo: atFirst(),
        ...special[kind],
      })
      for (let run = 0; run < 2; run++) expect(await backup()).toMatchObject({ complete: true })
      expect(await readBack()).toEqual(expected)
      expect(sandbox.faults!.fired[kind]).toBeGreaterThanOrEqual(2)
      expect(sandbox.defects).toEqual([])
    },
  )

  test('a date that is off by a day, either way, ends a run well or as a question of clocks; the next calm one is well', async () => {
    let isCalm = false
    const first = atFirst()
    const { sandbox, backup, readBack } = await startFaulty({
      seed: 1,
      rates: { 'skewed-date': 1 },
      appliesTo: (request) => first(request) && !isCalm,
    })
    const codes = new Set<string>()
    for (let run = 0; run < 4; run++) codes.add(await codeOf(backup()))
    expect([...codes].filter((code) => !['done', 'credentials', 'conflict'].includes(code))).toEqual([])
    expect(sandbox.faults!.fired['skewed-date']).toBeGreaterThan(3)
    isCalm = true
    await codeOf(backup())
    expect(await backup()).toMatchObject({ complete: true })
    expect(await readBack()).toEqual(expected)
  })

  test('a bit that turned in what says how the bucket locks ends the run before anything is uploaded, or changes nothing', async () => {
    const { sandbox, backup } = await startFaulty({
      seed: 1,
      rates: { 'flipped-byte': 1 },
      appliesTo: ({ path }) => /^\/locked\/?$/.test(path),
    })
    for (let run = 0; run < 8; run++)
      expect(['done', 'unreachable', 'vault-unsafe', 'unsupported-format', 'conflict']).toContain(
        await codeOf(backup()),
      )
    expect(sandbox.faults!.fired['flipped-byte']).toBeGreaterThanOrEqual(8)
  })

  test('expired-token, from one request on until there is a new session, is survived where one can be had', async () => {
    let requestsToPass = 5
    let session: ReturnType<typeof issue> | null = null
    const { sandbox, backup, readBack } = await startFaulty(
      { seed: 1, rates: { 'expired-token': 1 }, appliesTo: () => requestsToPass-- <= 0 },
      (cloud) => ({
        credentials: (options) => {
          if (options?.forceRefresh === true) requestsToPass = 14
          return Promise.resolve(
            (session = session === null || options?.forceRefresh === true ? issue(cloud) : session),
          )
        },
      }),
    )
    expect(await backup()).toMatchObject({ complete: true })
    expect(await readBack()).toEqual(expected)
    expect(sandbox.faults!.fired['expired-token']).toBeGreaterThan(1)
  })

  test('expired-token, where no new session can be had, ends the run with the name of its cause', async () => {
    const { sandbox, backup } = await startFaulty({ seed: 1, rates: { 'expired-token': 1 } })
    expect(await codeOf(backup())).toBe('credentials')
    expect(sandbox.faults!.fired['expired-token']).toBeGreaterThan(0)
  })
})

test('every mixture that a seed decides ends in a snapshot that reads back, or in a failure of a known kind; what was made stays', async () => {
  const rates = Object.fromEntries(
    faultKinds.map((kind) => [
      kind,
      { stall: 0.02, 'expired-token': 0.02, 'short-page': 0.4 }[kind as string] ?? 0.035,
    ]),
  ) as Record<FaultKind, number>
  const outcomes: Record<string, number> = {}
  const fired: Partial<Record<FaultKind, number>> = {}
  await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const seed = index + 1
      let isCalm = false
      const { sandbox, backup, readBack } = await startFaulty(
        { seed, rates, stallMs: 20_000, slowMs: 10, skewMs: 240_000, appliesTo: () => !isCalm },
        () => ({ deadlines: { silenceMs: 5000 } }),
      )
      for (let run = 0; run < 3; run++) {
        const code = await codeOf(backup())
        outcomes[code] = (outcomes[code] ?? 0) + 1
        expect(await codeOf(readBack()), `seed ${seed}, run ${run}`).not.toBe('damaged')
      }
      isCalm = true
      await backup()
      expect(await readBack(), `seed ${seed}`).toEqual(expected)
      for (const kind of faultKinds) fired[kind] = (fired[kind] ?? 0) + sandbox.faults!.fired[kind]
      expect(sandbox.defects).toEqual([])
    }),
  )
  expect(
    Object.keys(outcomes).filter(
      (code) => !['done', 'unreachable', 'throttled', 'credentials', 'conflict'].includes(code),
    ),
  ).toEqual([])
  expect(outcomes['done']).toBeGreaterThan(3)
  expect(faultKinds.filter((kind) => (fired[kind] ?? 0) === 0)).toEqual([])
})

function ofObjects(): NonNullable<FaultPlan['appliesTo']> {
  const first = atFirst()
  return (request) => request.path.includes('/sources/') && first(request)
}

/** `done`, or the code of the failure. @throws what has none. */
function codeOf(work: Promise<unknown>): Promise<string> {
  return work
    .then(() => 'done')
    .catch((error: unknown) => {
      if (!isHoldfastError(error)) throw error
      return error.code
    })
}
