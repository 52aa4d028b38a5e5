import { expect, test } from 'vitest'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import { productionAccount, region, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
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
