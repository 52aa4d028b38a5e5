import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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

test("a vault with a backup in it waits for its writers, then for its locks, by the store's clock", async () => {
  const data = join(makeFolder(), 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'file'), 'content')
  expect(
    await runCommand(['backup', data, '--source', 'rental', '--bucket', 'locked'], { env }),
  ).toMatchObject({ status: 0 })
  const outcome = await runCommand(['retire', '--bucket', 'locked', '--json'], { env })
  expect(outcome).toMatchObject({ status: 0, stderr: '' })
  const [record] = outcome.records() as {
    lastWritten: string
    lastLockEnds: string
    versions: number
    lockedVersions: number
  }[]
  expect(record).toMatchObject({ type: 'retirement', step: 'stop-writers', sources: [{ name: 'rental' }] })
  expect(record!.lockedVersions).toBe(record!.versions)
  const days = (Date.parse(record!.lastLockEnds) - Date.parse(record!.lastWritten)) / 86_400_000
  expect(days).toBeGreaterThan(39.9)
  expect(days).toBeLessThan(40.1)
  const words = await runCommand(['retire', '--bucket', 'locked', '--quiet-days', '0'], { env })
  expect(words.stdout).toMatch(/^> 2\. Wait until the last lock ends: until /m)
})

test('a missing vault, or a missing --bucket, is an error', async () => {
  expect(await runCommand(['retire', '--bucket', 'absent'], { env })).toMatchObject({ status: 5, stdout: '' })
  expect(await runCommand(['retire'], { env })).toMatchObject({ status: 2, stdout: '' })
})
