import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stagePostgres } from '../../../lab/postgres/binaries.ts'
import type { PostgresBinaries } from '../../../lab/postgres/binaries.ts'
import { Cluster, initializeCluster } from '../../../lab/postgres/cluster.ts'
import { startQuarantined } from '../../../lab/postgres/hostile-start.ts'
import { findUnprivilegedUser } from '../../../lab/postgres/unprivileged-user.ts'
import type { UserIds } from '../../../lab/postgres/unprivileged-user.ts'
import { checkStructure, compareRows, recordRows } from '../../../lab/incident/expected-state/rows.ts'
import { loadBookings } from '../../../lab/incident/world/bookings.ts'
import { smallSize } from '../../../lab/incident/world/size.ts'

let work: string
let user: UserIds | null
let binaries: PostgresBinaries
let dataDirectory: string
const canary = (name: string) => path.join(work, 'canary', name)

beforeAll(async () => {
  work = mkdtempSync(path.join(os.tmpdir(), 'hf-hostile-'))
  chmodSync(work, 0o711)
  mkdirSync(path.join(work, 'canary'))
  user = await findUnprivilegedUser()
  if (user !== null) chownSync(path.join(work, 'canary'), user.uid, user.gid)
  binaries = await stagePostgres(path.join(work, 'postgres'))
  dataDirectory = path.join(work, 'data')
  await initializeCluster(binaries, dataDirectory, user)
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

describe('a cluster that brings its own configuration', () => {
  test('is started with ours alone: no command, library, trigger or setting of its own has an effect', async () => {
    const hostile = await Cluster.start({
      binaries,
      dataDirectory,
      user,
      settings: { fsync: 'off', io_method: 'sync' },
    })
    const client = await hostile.connect()
    await loadBookings(client, smallSize, 1, Date.parse('2026-01-01T00:00:00Z'))
    await client.query(`ALTER SYSTEM SET archive_mode = 'on'`)
    await client.query(`ALTER SYSTEM SET archive_command = 'touch ${canary('archived')}'`)
    await client.query(`ALTER SYSTEM SET shared_preload_libraries = '/nowhere/evil'`)
    await client.query(`ALTER ROLE postgres SET session_preload_libraries = '/nowhere/evil'`)
    await client.query(`ALTER DATABASE postgres SET work_mem = '99kB'`)
    await client.query(`CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''cat > ${canary('logged-in')}'''; END $$`)
    await client.query(
      'CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login(); ALTER EVENT TRIGGER on_login ENABLE ALWAYS',
    )
    const expected = await recordRows(client)
    await client.end()
    await hostile.stop()
    appendFileSync(
      path.join(dataDirectory, 'postgresql.conf'),
      "\nport = 1\ninclude_if_exists = '/etc/passwd'\n",
    )
    writeFileSync(path.join(dataDirectory, 'pg_hba.conf'), 'local all all reject\n')
    rmSync(canary('logged-in'), { force: true })

    // The trap works: started in the ordinary way, such a cluster does not even come up.
    await expect(Cluster.start({ binaries, dataDirectory, user, settings: {} })).rejects.toThrow(
      /evil|passwd|syntax/,
    )

    const directory = path.join(work, 'quarantine')
    mkdirSync(directory)
    chmodSync(directory, 0o711)
    const { cluster, setAside } = await startQuarantined({ binaries, dataDirectory, user, directory })
    const restored = await cluster.connect()
    try {
      expect(setAside).toContain('postgresql.auto.conf')
      const { rows } = await restored.query<{ name: string; sourcefile: string }>(
        `SELECT name, sourcefile FROM pg_settings WHERE sourcefile IS NOT NULL AND sourcefile NOT LIKE '${directory}/%'`,
      )
      expect(rows).toEqual([])
      const { rows: settings } = await restored.query<{ mode: string; loaded: string; port: string }>(
        `SELECT current_setting('archive_mode') AS mode, current_setting('session_preload_libraries') AS loaded, current_setting('port') AS port`,
      )
      expect(settings).toEqual([{ mode: 'off', loaded: '', port: '5432' }])
      await restored.query('SELECT pg_switch_wal()')
      expect(compareRows(expected, await recordRows(restored))).toEqual([])
      expect(await checkStructure(restored)).toEqual([])
      expect(existsSync(canary('archived'))).toBe(false)
      expect(existsSync(canary('logged-in'))).toBe(false)
    } finally {
      await restored.end()
      await cluster.stop()
    }
  })
})
