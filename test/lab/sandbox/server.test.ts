import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { startSandbox } from '../../../lab/sandbox/server.ts'
import { send } from './raw-request.ts'
import {
  bucket,
  clientOf,
  codeOf,
  dayMs,
  declareCloud,
  makeDirectory,
  region,
  rootOf,
  standardCloud,
  startWorld,
  vaultAccount,
} from './world.ts'

describe('a sandbox', () => {
  test('restarted on its directory keeps its keys, sessions, objects, and the offset of its clock', async () => {
    const directory = makeDirectory()
    const first = await startSandbox({ directory, declaration: standardCloud })
    first.clock.turn(3 * dayMs)
    const root = first.rootCredentials(vaultAccount)
    const session = first.credentials.issue(
      { kind: 'role-session', accountId: vaultAccount, arn: `arn:aws:sts::${vaultAccount}:assumed-role/r/s` },
      first.clock.nowMs() + dayMs,
    )
    const { VersionId } = await rootOf(first).send(
      new PutObjectCommand({ Bucket: 'locked', Key: 'k', Body: 'kept' }),
    )
    await first.stop()
    const second = await startSandbox({ directory, declaration: standardCloud })
    expect(second.rootCredentials(vaultAccount)).toEqual(root)
    expect(Math.abs(second.clock.nowMs() - Date.now() - 3 * dayMs)).toBeLessThan(60_000)
    const got = await clientOf(second, session).send(
      new GetObjectCommand({ Bucket: 'locked', Key: 'k', VersionId }),
    )
    expect(await got.Body?.transformToString()).toBe('kept')
    await second.stop()
  })

  test('makes its files readable to its owner only, and names no file by an object key', async () => {
    const directory = makeDirectory()
    const sandbox = await startWorld({ directory })
    await rootOf(sandbox).send(new PutObjectCommand({ Bucket: 'versioned', Key: '../../escape', Body: 'x' }))
    for (const name of readdirSync(directory).filter((file) => file.startsWith('sandbox.sqlite')))
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
    const files = readdirSync(join(directory, 'objects'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    )
    expect(files.map(({ name }) => name)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
  })

  test('removes at its start the files of an upload that a kill interrupted', async () => {
    const directory = makeDirectory()
    await (await startSandbox({ directory, declaration: standardCloud })).stop()
    const orphan = join(directory, 'objects', 'ab', `ab${'0'.repeat(30)}`)
    writeFileSync(orphan, 'half')
    await (await startSandbox({ directory, declaration: standardCloud })).stop()
    expect(() => readFileSync(orphan)).toThrow('ENOENT')
  })

  test('killed during writes keeps every object that it acknowledged', async () => {
    const directory = makeDirectory()
    const child = fork(fileURLToPath(new URL('./server-process.ts', import.meta.url)), [directory], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const [{ endpoint, credentials }] = (await once(child, 'message')) as [
      { endpoint: string; credentials: { accessKeyId: string; secretAccessKey: string } },
    ]
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials, maxAttempts: 1 })
    const acknowledged: string[] = []
    let writing = true
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let at = 0; writing && at < 500; at += 1) {
        const Key = `${writer}/${at}`
        const reply = await client
          .send(new PutObjectCommand({ Bucket: 'versioned', Key, Body: Key.repeat(2000) }))
          .catch(() => null)
        if (reply === null) return
        acknowledged.push(Key)
      }
    })
    while (acknowledged.length < 40) await new Promise((resolve) => setTimeout(resolve, 2))
    child.kill('SIGKILL')
    await Promise.all(writers)
    writing = false
    client.destroy()
    const again = await startWorld({ directory })
    const survivor = rootOf(again)
    const { Versions } = await survivor.send(new ListObjectVersionsCommand({ Bucket: 'versioned' }))
    expect(Versions?.map(({ Key }) => Key)).toEqual(expect.arrayContaining(acknowledged))
    for (const { Key, VersionId } of Versions ?? []) {
      const got = await survivor.send(new GetObjectCommand({ Bucket: 'versioned', Key, VersionId }))
      expect(await got.Body?.transformToString()).toBe((Key ?? '').repeat(2000))
    }
  })

  test('records each request, and dates its replies by its own clock', async () => {
    const records: { operation: string | null; status: number; principalArn: string | null }[] = []
    const sandbox = await startWorld({ onRequest: (record) => records.push(record) })
    sandbox.clock.turn(-30 * dayMs)
    const reply = await send(sandbox, {
      path: '/versioned/none',
      credentials: sandbox.rootCredentials(vaultAccount),
    })
    expect(Math.abs(Date.parse(reply.headers.date ?? '') - sandbox.clock.nowMs())).toBeLessThan(5000)
    expect(records).toEqual([
      expect.objectContaining({
        operation: 'GetObject',
        status: 404,
        errorCode: 'NoSuchKey',
        principalArn: `arn:aws:iam::${vaultAccount}:root`,
      }),
    ])
  })

  test('sends the refusal to a client that waits for 100 Continue', async () => {
    const sandbox = await startWorld()
    const client = rootOf(sandbox)
    const big = Buffer.alloc(3 * 1024 * 1024, 'x')
    await client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'big', Body: big, IfNoneMatch: '*' }))
    expect(
      await codeOf(
        client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'big', Body: big, IfNoneMatch: '*' })),
      ),
    ).toBe('PreconditionFailed')
    const got = await client.send(new GetObjectCommand({ Bucket: 'versioned', Key: 'big' }))
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(big)).toBe(true)
  })

  test('keeps an existing bucket unchanged, and creates new ones', async () => {
    const directory = makeDirectory()
    await (await startSandbox({ directory, declaration: declareCloud([bucket('one')]) })).stop()
    const sandbox = await startWorld({
      directory,
      declaration: declareCloud([bucket('one', { versioning: null }), bucket('two')]),
    })
    const reply = await send(sandbox, { path: '/', credentials: sandbox.rootCredentials(vaultAccount) })
    expect(reply.body.match(/<Name>[^<]*/g)).toEqual(['<Name>one', '<Name>two'])
    expect(
      (await send(sandbox, { path: '/one?versioning', credentials: sandbox.rootCredentials(vaultAccount) }))
        .body,
    ).toContain('<Status>Enabled</Status>')
  })

  test('stops while a request is open', async () => {
    const sandbox = await startSandbox({
      directory: makeDirectory(),
      declaration: standardCloud,
      faults: { seed: 1, rates: { stall: 1 } },
    })
    const open = send(sandbox, { path: '/', credentials: sandbox.rootCredentials(vaultAccount) }).then(
      () => 'answered',
      () => 'broken',
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    await sandbox.stop()
    expect(await open).toBe('broken')
  })
})
