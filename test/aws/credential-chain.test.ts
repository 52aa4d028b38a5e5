import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { resolveCredentials } from '../../aws/credentials.ts'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import type { S3ObjectStore } from '../../aws/s3-object-store.ts'
import { makeTemporaryDirectory } from '../fixtures/temporary-directory.ts'
import { sendError, sendXml, startScriptedServer } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'
import { body, sha256 } from './scripted-store.ts'

let file = ''

beforeEach(() => {
  const directory = makeTemporaryDirectory()
  file = join(directory, 'credentials')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file)
  vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'config'))
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    vi.stubEnv(name, undefined)
})

afterEach(() => void vi.unstubAllEnvs())

function rotate(accessKeyId: string): void {
  writeFileSync(file, `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = secret\n`)
}

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script)
  onTestFinished(() => server.stop())
  return server
}

function keyOf(authorization: string | undefined): string {
  return /Credential=([^/]+)/.exec(authorization ?? '')?.[1] ?? ''
}

function openStore(endpoint: string): S3ObjectStore {
  const store = openS3ObjectStore({ bucket: 'vault', region: 'eu-central-1', endpoint, environment: {} })
  onTestFinished(() => store.close())
  return store
}

describe('a shared credentials file that is rotated', () => {
  test.each(['InvalidAccessKeyId', 'ExpiredToken', 'InvalidToken'])(
    'is read again when the store rejects the old key (%s)',
    async (code) => {
      rotate('AKIDOLD')
      let current = 'AKIDOLD'
      const server = await serve(({ headers }, response) => {
        if (keyOf(headers.authorization) !== current) sendError(response, 403, code)
        else response.writeHead(200, { 'x-amz-version-id': 'v', date: new Date().toUTCString() }).end()
      })
      const store = openStore(server.endpoint)
      await store.putIfAbsent('k', body, sha256)
      current = 'AKIDNEW'
      rotate(current)
      // A PUT is repeated by its caller, under another key.
      await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({ retryable: true })
      expect((await store.putIfAbsent('l', body, sha256)).versionId).toBe('v')
    },
  )

  test('ends with `credentials` if it still has the rejected key', async () => {
    rotate('AKIDOLD')
    const server = await serve((_, response) => sendError(response, 403, 'InvalidAccessKeyId'))
    const store = openStore(server.endpoint)
    await expect(store.putIfAbsent('k', body, sha256)).rejects.toMatchObject({
      code: 'credentials',
      retryable: false,
    })
  })

  test('is read again when the session of a role is renewed', async () => {
    rotate('AKIDOLD')
    const server = await serve((_, response, index) =>
      sendXml(
        response,
        `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA${index}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-04-24T10:15:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      ),
    )
    const credentials = resolveCredentials({
      region: () => Promise.resolve('eu-central-1'),
      stsEndpoint: server.endpoint,
      role: { roleArn: 'arn:aws:iam::111122223333:role/writer' },
      environment: {},
    })
    await credentials.get()
    rotate('AKIDNEW')
    expect(await credentials.renew()).toBe(true)
    expect(server.requests.map(({ headers }) => keyOf(headers.authorization))).toEqual(['AKIDOLD', 'AKIDNEW'])
  })
})
