import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ListBucketsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test } from 'vitest'
import { codeOf, makeDirectory } from './world.ts'

interface Description {
  endpoint: string
  accounts: { id: string; name: string; rootCredentials: { accessKeyId: string; secretAccessKey: string } }[]
  buckets: { name: string; accountId: string; region: string; objectLock: { enabled: boolean } }[]
  roles: { arn: string }[]
}

const main = join(import.meta.dirname, '../../../lab/sandbox/main.ts')

function run(...options: string[]) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('serves the resources that the program declares, prints how to reach them, and stops cleanly', async () => {
  const child = run('--json', '--dir', makeDirectory())
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { endpoint, accounts, buckets, roles } = JSON.parse(line) as Description
  const vault = buckets.find(({ objectLock }) => objectLock.enabled)
  if (vault === undefined) throw new Error('no vault is declared')
  const clientOf = (name: string) => {
    const account = accounts.find((role) => role.name === name)
    if (account === undefined) throw new Error(`no account ${name}`)
    return new S3Client({
      endpoint,
      region: vault.region,
      forcePathStyle: true,
      credentials: account.rootCredentials,
      maxAttempts: 1,
    })
  }
  const [vaultClient, productionClient] = [clientOf('vault'), clientOf('production')]
  expect((await vaultClient.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toContain(
    vault.name,
  )
  expect(await codeOf(productionClient.send(new ListObjectsV2Command({ Bucket: vault.name })))).toBe(
    'AccessDenied',
  )
  expect(roles.length).toBeGreaterThan(0)
  vaultClient.destroy()
  productionClient.destroy()
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('refuses an invalid port', async () => {
  const child = run('--port', '70000')
  const [status] = (await once(child, 'exit')) as [number]
  expect(status).not.toBe(0)
})
