import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openS3ObjectStore } from '../../../aws/s3-object-store.ts'
import { uploadWalPart } from '../../../engine/wal/wal-upload.ts'
import { ManualClock } from '../../fixtures/manual-clock.ts'
import { WalLog } from '../../fixtures/wal-log.ts'
import { region, startWorld, vaultAccount } from '../../lab/sandbox/world.ts'
import { makeFolder, runCommand } from '../command-line.ts'

const sandbox = await startWorld()
const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
const env = {
  HOME: makeFolder(),
  AWS_REGION: region,
  AWS_ENDPOINT_URL: sandbox.endpoint,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
}
const directory = makeFolder()
const target = join(directory, 'RECOVERYXLOG')
const options = ['--source', 'rental-db', '--bucket', 'locked', '--segment-bytes', String(2 ** 20)]
const fetch = (name: string, flags: string[] = options) =>
  runCommand(['wal-fetch', name, target, ...flags], { env })

async function putLog(): Promise<WalLog> {
  const store = openS3ObjectStore({
    ...{ bucket: 'locked', endpoint: sandbox.endpoint, region, environment: {} },
    credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
  })
  const log = new WalLog()
  log.insert(50_000)
  const facts = {
    ...{ segmentBytes: 2 ** 20, postgresMajor: 15, lastCommit: null, lastAbort: null },
    ...{ isExamined: true, idleAtUs: null },
  }
  const line = { source: 'rental-db', systemId: '7512345678901234567', timeline: 1 }
  await uploadWalPart({ store, clock: new ManualClock(), random: Math.random }, line, facts, log)
  store.close()
  return log
}

test('a segment is written whole; a missing one ends with 1, and every failure with 200', async () => {
  const before = await fetch('000000010000000000000010')
  expect([before.status, before.stderr]).toEqual([200, expect.stringContaining('has no WAL of rental-db')])
  const log = await putLog()
  expect(await fetch('000000010000000000000010')).toMatchObject({ status: 0, stdout: '', stderr: '' })
  const segment = readFileSync(target)
  expect([segment.length, segment.subarray(0, log.bytes.length).equals(log.bytes)]).toEqual([2 ** 20, true])
  expect(readdirSync(directory)).toEqual(['RECOVERYXLOG'])
  expect((await fetch('000000010000000000000011')).status).toBe(1)
  expect((await fetch('00000002.history')).status).toBe(1)
  // A server would promote, if it took these for the end of the log.
  expect((await fetch('00000001000000000000000F')).status).toBe(200)
  expect((await fetch('000000010000000000000010', ['--bucket', 'locked'])).status).toBe(200)
  expect(
    (await fetch('000000010000000000000010', [...options.slice(0, 2), '--bucket', 'absent'])).status,
  ).toBe(200)
  expect((await fetch('000000010000000000000010', options.slice(0, 4))).status).toBe(200)
  expect((await fetch('../x')).status).toBe(200)
  expect(existsSync(target)).toBe(true)
})
