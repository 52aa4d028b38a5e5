import { expect, test } from 'vitest'
import { openS3Access } from '../../aws/s3-access.ts'
import { S3VersionPruner } from '../../aws/s3-version-pruner.ts'
import { startScriptedServer } from './scripted-server.ts'

async function prune(versionId: string): Promise<{ requests: string[]; outcome: Promise<void> }> {
  const requests: string[] = []
  const server = await startScriptedServer((request, response) => {
    const { searchParams, pathname } = new URL(request.url, 'http://localhost')
    const bypass = 'x-amz-bypass-governance-retention' in request.headers ? 'a bypass' : 'no bypass'
    requests.push(`${request.method} ${pathname} ${searchParams.get('versionId')} ${bypass}`)
    response.writeHead(204).end()
  })
  const access = openS3Access({
    region: 'eu-central-1',
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }),
    environment: {},
  })
  const outcome = new S3VersionPruner('vault', access)
    .deleteVersion({ key: 'sources/files/manifests/m', versionId })
    .finally(() => server.stop())
  await outcome.catch(() => undefined)
  return { requests, outcome }
}

test('a version is deleted by its id, and no lock is bypassed', async () => {
  const { requests, outcome } = await prune('v1')
  await outcome
  expect(requests).toEqual(['DELETE /vault/sources/files/manifests/m v1 no bypass'])
})

test('without a version id nothing is sent, because S3 would write a delete marker', async () => {
  const { requests, outcome } = await prune('')
  await expect(outcome).rejects.toMatchObject({ code: 'internal' })
  expect(requests).toEqual([])
})
