// A drill that can't fail proves nothing. These tests tamper with the world step by step, and exactly the claims
// about the change must fall.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ClaimLedger } from '../../../lab/incident/claims.ts'
import type { ClaimName } from '../../../lab/incident/claims.ts'
import { directories } from '../../../lab/incident/drill-context.ts'
import type {
  BackedUp,
  DrillContext,
  Production,
  Provisioned,
  State,
  Wiped,
} from '../../../lab/incident/drill-context.ts'
import { locateFile } from '../../../lab/incident/inventory/disk-inventory.ts'
import { backUp } from '../../../lab/incident/steps/back-up.ts'
import { goLive } from '../../../lab/incident/steps/go-live.ts'
import { attackLockAlone } from '../../../lab/incident/steps/last-wall.ts'
import { produce } from '../../../lab/incident/steps/produce.ts'
import { provision } from '../../../lab/incident/steps/provision.ts'
import { prove, recordVault } from '../../../lab/incident/steps/prove.ts'
import type { VaultState } from '../../../lab/incident/steps/prove.ts'
import { recover } from '../../../lab/incident/steps/recover.ts'
import { restore } from '../../../lab/incident/steps/restore.ts'
import { wipe } from '../../../lab/incident/steps/wipe.ts'
import { makeSmallContext } from './small-context.ts'

const { context, end } = makeSmallContext({ seed: 5 })
let provisioned: Provisioned
let production: Production
let backedUp: BackedUp
let before: VaultState

/** The same drill with a fresh ledger, so that a test sees only what it examined itself. */
function freshContext(): DrillContext {
  return { ...context, ledger: new ClaimLedger() }
}

function resultsOf({ ledger }: DrillContext): Partial<Record<ClaimName, string>> {
  const reached = ledger.results.filter(({ findings }) => findings[0] !== 'the drill did not get that far')
  return Object.fromEntries(reached.map(({ name, status }) => [name, status]))
}

beforeAll(async () => {
  provisioned = await provision(context)
  production = await produce(context, provisioned)
  backedUp = await backUp(context, provisioned, production)
  before = await recordVault(context, provisioned)
  provisioned.sandbox.clock.turn(3_600_000)
})

afterAll(async () => {
  expect(await end()).toEqual([])
})

interface VersionRow {
  position: number
  file: string
}

/** Changes the store's own catalogue behind its back. */
function withCatalogue<T>(use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path.join(directories(context).sandbox, 'sandbox.sqlite'))
  try {
    return use(database)
  } finally {
    database.close()
  }
}

/** The largest version whose key has `keyPart` in it. */
function findVersion(keyPart: string): VersionRow {
  const rows = withCatalogue((database) =>
    database
      .prepare(
        'SELECT position, content FROM s3_version WHERE marker = 0 AND instr(CAST(key AS TEXT), ?) > 0',
      )
      .all(keyPart),
  )
  const versions = rows.map((row) => ({
    row,
    content: JSON.parse(String(row['content'])) as { bytes: number; segments: { file: string }[] },
  }))
  const [largest] = versions.toSorted((a, b) => b.content.bytes - a.content.bytes)
  return {
    position: Number(largest?.row['position']),
    file: locateFile(directories(context).sandbox, largest!.content.segments[0]!.file),
  }
}

async function proveAgain() {
  const fresh = freshContext()
  await prove(fresh, before, await recordVault(fresh, provisioned))
  return resultsOf(fresh)
}

const allHeld = {
  'versions-survive': 'held',
  'locks-unchanged': 'held',
  'nothing-hidden-or-added': 'held',
  'disk-agrees': 'held',
}

describe('a vault that was tampered with', () => {
  test('holds every claim before the tampering', async () => {
    expect(await proveAgain()).toEqual(allHeld)
  })

  test('one flipped bit on its disk: the versions did not survive', async () => {
    const { file } = findVersion('uploads/packs/')
    const content = readFileSync(file)
    const flipped = Buffer.from(content)
    flipped[flipped.length >> 1]! ^= 1
    writeFileSync(file, flipped)
    expect(await proveAgain()).toEqual({ ...allHeld, 'versions-survive': 'fell', 'disk-agrees': 'fell' })
    writeFileSync(file, content)
  })

  test('a file missing from its disk: the other versions are examined all the same', async () => {
    const { file } = findVersion('rental-db/packs/')
    const content = readFileSync(file)
    rmSync(file)
    expect(await proveAgain()).toEqual({ ...allHeld, 'versions-survive': 'fell', 'disk-agrees': 'fell' })
    writeFileSync(file, content)
  })

  test.each([
    [
      'shortened by a day',
      'lock_until_ms = lock_until_ms - 86400000',
      'lock_until_ms = lock_until_ms + 86400000',
    ],
    ['turned into GOVERNANCE', `lock_mode = 'GOVERNANCE'`, `lock_mode = 'COMPLIANCE'`],
  ])('a lock %s: the locks are not as they were', async (_how, change, undo) => {
    const { position } = findVersion('manifests/')
    const apply = (assignment: string) =>
      withCatalogue((database) =>
        database.prepare(`UPDATE s3_version SET ${assignment} WHERE position = ?`).run(position),
      )
    apply(change)
    expect(await proveAgain()).toEqual({ ...allHeld, 'locks-unchanged': 'fell', 'disk-agrees': 'fell' })
    apply(undo)
  })

  test('a delete marker over a manifest: something was hidden', async () => {
    const { position } = findVersion('uploads/manifests/')
    withCatalogue((database) => {
      database.prepare('UPDATE s3_version SET latest = 0 WHERE position = ?').run(position)
      database
        .prepare(
          `INSERT INTO s3_version (position, bucket_id, key, version_id, latest, marker, modified_ms, legal_hold)
        SELECT 1000000, bucket_id, key, 'marker', 1, 1, modified_ms, 0 FROM s3_version WHERE position = ?`,
        )
        .run(position)
    })
    expect(await proveAgain()).toEqual({
      ...allHeld,
      'nothing-hidden-or-added': 'fell',
      'disk-agrees': 'fell',
    })
    withCatalogue((database) => {
      database.exec('DELETE FROM s3_version WHERE position = 1000000')
      database.prepare('UPDATE s3_version SET latest = 1 WHERE position = ?').run(position)
    })
    expect(await proveAgain()).toEqual(allHeld)
  })
})

describe('a restore that brings back another state', () => {
  /** Stands for a restore that brought back other bytes: the record says something else than the directory. */
  const alter = (change: (states: Record<'first' | 'second', State>) => void): BackedUp => {
    const [first, second] = structuredClone(backedUp.states)
    change({ first: first!, second: second! })
    return { states: [first!, second!] }
  }

  async function restoreAgain(states: BackedUp, wiped?: Wiped) {
    const fresh = freshContext()
    await restore(fresh, { provisioned, production, backedUp: states, wiped })
    rmSync(directories(context).restored, { recursive: true })
    return { results: resultsOf(fresh), ledger: fresh.ledger }
  }

  const wipedNow = (): Wiped => ({
    wipedAtMs: provisioned.sandbox.clock.nowMs() + 1_000,
    wipedElapsedMs: context.timeline.elapsedMs,
    foundKey: provisioned.sandbox.rootCredentials(provisioned.accounts.production),
  })
  const restoresHeld = {
    'states-differ': 'held',
    'first-restore-files-equal': 'held',
    'first-restore-rows-equal': 'held',
    'second-restore-files-equal': 'held',
    'second-restore-rows-equal': 'held',
    'restored-indexes-sound': 'held',
    'restored-database-matches-files': 'held',
    'restored-configuration-ignored': 'held',
    'rpo-within-objective': 'held',
    'rto-within-objective': 'held',
  }
  const changeRows = ({ rows }: State): void => {
    rows.tables['bookings']!.sha256 = '0'.repeat(64)
  }
  const changeFiles = ({ files }: State): void => {
    const [name] = Object.entries(files.uploads).find(([, { kind }]) => kind === 'file')!
    files.uploads[name]!.sha256 = '0'.repeat(64)
  }

  test('other rows in the first state, other files in the second: these two claims fall and no other', async () => {
    const changed = alter(({ first, second }) => {
      changeRows(first)
      changeFiles(second)
    })
    const { results, ledger } = await restoreAgain(changed, wipedNow())
    expect(results).toEqual({
      ...restoresHeld,
      'first-restore-rows-equal': 'fell',
      'second-restore-files-equal': 'fell',
    })
    expect(ledger.results.find(({ name }) => name === 'first-restore-rows-equal')?.findings).toEqual([
      'table bookings holds other rows',
    ])
  })

  test('other rows in the second state, other files in the first: these two claims fall', async () => {
    const changed = alter(({ first, second }) => {
      changeRows(second)
      changeFiles(first)
    })
    const { results } = await restoreAgain(changed, wipedNow())
    expect(results).toEqual({
      ...restoresHeld,
      'second-restore-rows-equal': 'fell',
      'first-restore-files-equal': 'fell',
      // The canaries had sung before the first restore and not since.
      'restored-configuration-ignored': 'fell',
    })
  })

  test('a damaged pack, and one state only: the other source comes back, and unexamined claims do not hold', async () => {
    const { file } = findVersion('uploads/packs/')
    const content = readFileSync(file)
    writeFileSync(file, Buffer.alloc(content.length))
    const { results } = await restoreAgain({ states: [backedUp.states[1]!] })
    writeFileSync(file, content)
    expect(results).toMatchObject({
      'states-differ': 'fell',
      'second-restore-files-equal': 'fell',
      'second-restore-rows-equal': 'held',
      'restored-database-matches-files': 'fell',
      // The canaries had sung before the first restore and not since.
      'restored-configuration-ignored': 'fell',
      'rpo-within-objective': 'not-examined',
      'rto-within-objective': 'not-examined',
    })
  })
})

describe('an agent whose key opens nothing', () => {
  test('destroys nothing, and every claim of the wipe falls', async () => {
    const fresh = freshContext()
    const { sandbox } = provisioned
    const key = sandbox.credentials.issue({ kind: 'anonymous', accountId: null, arn: '*' }, 0)
    const powerless = {
      ...provisioned,
      sandbox: { ...sandbox, clock: sandbox.clock, rootCredentials: () => key },
    }
    const live = await goLive(fresh, powerless, production)
    await wipe(fresh, powerless, { production, live })
    await recover(fresh, { provisioned, production, live })
    expect(resultsOf(fresh)).toMatchObject({
      'credential-found-by-search': 'fell',
      'live-backup-complete': 'held',
      'database-lost-its-files': 'fell',
      // Nothing was lost, so that no age can be measured.
      'last-commits-come-back': 'not-examined',
    })
    expect(resultsOf(fresh)['production-destroyed-in-nine-seconds']).not.toBe('held')
  })
})

describe('the lock alone', () => {
  test('does not stand where one version is locked in GOVERNANCE', async () => {
    // The live database has added versions since the first record.
    const { byDisk } = await recordVault(freshContext(), provisioned)
    const { position } = findVersion('manifests/')
    withCatalogue((database) =>
      database.prepare(`UPDATE s3_version SET lock_mode = 'GOVERNANCE' WHERE position = ?`).run(position),
    )
    const fresh = freshContext()
    await attackLockAlone(fresh, provisioned, byDisk)
    const result = fresh.ledger.results.find(({ name }) => name === 'locks-hold-without-any-policy')
    expect(result?.status).toBe('fell')
    expect(result?.findings.join()).toMatch(/delete-version-bypassing .*allowed.*is gone/)
  })
})
