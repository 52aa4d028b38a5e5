// A store whose server answers what a test tells it to: opened by the test, stopped with it.
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { outageRetry } from '../../core/retry.ts'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import type { S3ObjectStore, S3Settings } from '../../aws/s3-object-store.ts'
import { startScriptedServer } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

export const ref = { key: 'sources/db/packs/p', versionId: 'v1' }
export const body = Buffer.from('the bytes of a pack')
export const sha256 = createHash('sha256').update(body).digest('hex')
export const sha256Base64 = Buffer.from(sha256, 'hex').toString('base64')

export async function serve(
  script: Script,
  settings: Partial<S3Settings> = {},
): Promise<{ store: S3ObjectStore; server: ScriptedServer }> {
  const server = await startScriptedServer(script)
  const store = openS3ObjectStore({
    bucket: 'vault',
    region: 'eu-central-1',
    endpoint: server.endpoint,
    credentials: () =>
      Promise.resolve({
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey: 'secret',
        sessionToken: 'token-of-session',
      }),
    readAttempts: 3,
    outage: { ...outageRetry, patienceMs: 0, minAttempts: 1 },
    deadlines: { connectMs: 1_000, silenceMs: 150, callMs: 2_000 },
    environment: {},
    ...settings,
  })
  onTestFinished(async () => {
    store.close()
    await server.stop()
  })
  return { store, server }
}

export function sendRange(
  response: ServerResponse,
  bytes: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(206, {
    'content-range': 'bytes 0-4/100',
    'content-length': '5',
    'x-amz-version-id': 'v1',
    ...headers,
  })
  response.end(bytes)
}
