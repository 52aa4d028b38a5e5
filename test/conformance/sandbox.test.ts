import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listSnapshots } from '../../core/snapshot/snapshot.ts'
import { chooseSnapshot } from '../../core/snapshot/snapshot-choice.ts'
import { timeText } from '../../core/time-text.ts'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import { productionAccount, region, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'
import { describeObjectStore } from './object-store.ts'
import { openS3Target } from './s3-target.ts'

const sandbox = await startWorld()

function keysOf(accountId: string): { accessKeyId: string; secretAccessKey: string } {
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(accountId)
  return { accessKeyId, secretAccessKey }
}

for (const bucket of ['locked', 'governed', 'lockable', 'versioned']) {
  describeObjectStore(`the sandbox's bucket \`${bucket}\``, () =>
    openS3Target({
      endpoint: sandbox.endpoint,
      region,
      bucket,
      credentials: keysOf(vaultAccount),
      denied: { credentials: keysOf(productionAccount) },
      passSeconds: (seconds) => void sandbox.clock.turn(seconds * 1_000),
      versionsOfOneKey: bucket === 'locked' ? 2_500 : 20,
    }),
  )
}

for (const [name, listing] of [
  ['times in milliseconds', { milliseconds: true }],
  ['listings that lag by five seconds', { lagMs: 5_000 }],
] as const) {
  const variant = await startWorld({ listing })
  const { accessKeyId, secretAccessKey } = variant.rootCredentials(vaultAccount)
  const settings = {
    endpoint: variant.endpoint,
    region,
    bucket: 'locked',
    credentials: { accessKeyId, secretAccessKey },
  }
  if ('milliseconds' in listing)
    describeObjectStore(`a store with ${name}`, () =>
      openS3Target({
        ...settings,
        passSeconds: (seconds) => void variant.clock.turn(seconds * 1_000),
        versionsOfOneKey: 20,
      }),
    )
  test(`a backup to a store with ${name} reports a time that restores it, each time`, async ({
    onTestFinished,
  }) => {
    const store = openS3ObjectStore({
      ...settings,
      environment: {},
      credentials: () => Promise.resolve(settings.credentials),
    })
    onTestFinished(() => store.close())
    const source = new ProtectedSource({ onFinished: onTestFinished, source: 'printed' })
    const clock = {
      nowMs: () => variant.clock.nowMs(),
      sleep: (ms: number) => Promise.resolve(variant.clock.turn(ms)),
    }
    const reported: { id: string; timeMs: number }[] = []
    for (const content of ['v1', 'v2', 'v3']) {
      writeFileSync(join(source.directory, 'f'), content)
      reported.push((await source.backup({ store, clock })).snapshot!)
      const choice = await chooseSnapshot(
        store,
        { source: 'printed', pointInTime: timeText(reported.at(-1)!.timeMs) },
        clock,
      )
      expect(choice.snapshot.id).toBe(reported.at(-1)!.id)
    }
    for (const { id, timeMs } of reported)
      expect(
        (await chooseSnapshot(store, { source: 'printed', pointInTime: timeText(timeMs) }, clock)).snapshot
          .id,
      ).toBe(id)
    for (const { id, timeMs } of await listSnapshots(store, 'printed'))
      expect(
        (await chooseSnapshot(store, { source: 'printed', pointInTime: timeText(timeMs) }, clock)).snapshot
          .id,
      ).toBe(id)
  })
}

test('a bucket that keeps no versions is `vault-unsafe`', async () => {
  const store = openS3ObjectStore({
    bucket: 'plain',
    region,
    endpoint: sandbox.endpoint,
    credentials: () => Promise.resolve(keysOf(vaultAccount)),
    environment: {},
  })
  const { createHash } = await import('node:crypto')
  const body = Buffer.from('x')
  await expect(
    store.putIfAbsent('k', body, createHash('sha256').update(body).digest('hex')),
  ).rejects.toMatchObject({ code: 'vault-unsafe' })
  store.close()
})

test('the sandbox had no defect while it was asked', () => {
  expect(sandbox.defects).toEqual([])
})
