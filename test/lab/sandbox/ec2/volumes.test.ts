import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
import { afterAll, describe, expect, test } from 'vitest'
import type { Credentials } from '../../../../lab/sandbox/identity/credentials.ts'
import { startSandbox } from '../../../../lab/sandbox/server.ts'
import type { Sandbox } from '../../../../lab/sandbox/server.ts'
import { send } from '../raw-request.ts'
import {
  codeOf,
  makeDirectory,
  productionAccount,
  region,
  standardCloud,
  startWorld,
  vaultAccount,
} from '../world.ts'

function clientOf(
  sandbox: Sandbox,
  { accessKeyId, secretAccessKey }: Credentials,
  storeDirectory = region,
): EC2Client {
  const client = new EC2Client({
    endpoint: sandbox.endpoint,
    region: storeDirectory,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey },
  })
  afterAll(() => client.destroy())
  return client
}

const directory = makeDirectory()
const sandbox = await startWorld({ directory })
const credentials = sandbox.rootCredentials(productionAccount)
const client = clientOf(sandbox, credentials)
const zone = { AvailabilityZone: `${region}a`, Size: 1 }

async function makeVolume(parameters: object = {}): Promise<{ id: string; path: string }> {
  const { VolumeId = '' } = await client.send(new CreateVolumeCommand({ ...zone, ...parameters }))
  return { id: VolumeId, path: sandbox.volumeDirectory(VolumeId) ?? '' }
}

describe('volumes', () => {
  test('are directories, and a deletion removes everything in them, including backups', async () => {
    const { id, path } = await makeVolume()
    mkdirSync(join(path, 'backups'))
    writeFileSync(join(path, 'backups', 'last-night'), 'all we had')
    await client.send(new DeleteVolumeCommand({ VolumeId: id }))
    expect(existsSync(path)).toBe(false)
    expect(sandbox.volumeDirectory(id)).toBeNull()
    expect(await codeOf(client.send(new DeleteVolumeCommand({ VolumeId: id })))).toBe(
      'InvalidVolume.NotFound',
    )
  })

  test('are copied by a snapshot, links as links, and made again from it', async () => {
    const { id, path } = await makeVolume()
    writeFileSync(join(path, 'data'), 'before', { mode: 0o640 })
    symlinkSync('/etc/passwd', join(path, 'link'))
    const snapshot = await client.send(new CreateSnapshotCommand({ VolumeId: id }))
    writeFileSync(join(path, 'data'), 'after')
    const again = await makeVolume({ SnapshotId: snapshot.SnapshotId })
    expect(readFileSync(join(again.path, 'data'), 'utf8')).toBe('before')
    expect(lstatSync(join(again.path, 'data')).mode & 0o777).toBe(0o640)
    expect(readlinkSync(join(again.path, 'link'))).toBe('/etc/passwd')
    await client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot.SnapshotId }))
    expect(await codeOf(client.send(new DeleteSnapshotCommand({ SnapshotId: snapshot.SnapshotId })))).toBe(
      'InvalidSnapshot.NotFound',
    )
    expect(readFileSync(join(again.path, 'data'), 'utf8')).toBe('before')
  })

  test('are found by id, tag and status, and each account finds only its own', async () => {
    const { id } = await makeVolume({
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'environment', Value: 'staging' }] }],
    })
    await client.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'owner', Value: 'a<b>' }] }))
    const volumes = await client.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'tag:environment', Values: ['stag*'] }] }),
    )
    expect(volumes.Volumes).toEqual([
      expect.objectContaining({
        VolumeId: id,
        State: 'available',
        Tags: expect.arrayContaining([{ Key: 'owner', Value: 'a<b>' }]) as unknown,
      }),
    ])
    await client.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'owner' }] }))
    expect((await client.send(new DescribeVolumesCommand({ VolumeIds: [id] }))).Volumes?.[0]?.Tags).toEqual([
      { Key: 'environment', Value: 'staging' },
    ])
    const vaultClient = clientOf(sandbox, sandbox.rootCredentials(vaultAccount))
    expect((await vaultClient.send(new DescribeVolumesCommand({}))).Volumes ?? []).toEqual([])
    expect(await codeOf(vaultClient.send(new DeleteVolumeCommand({ VolumeId: id })))).toBe(
      'InvalidVolume.NotFound',
    )
    expect(
      await codeOf(
        clientOf(sandbox, credentials, 'us-west-2').send(new DeleteVolumeCommand({ VolumeId: id })),
      ),
    ).toBe('InvalidVolume.NotFound')
  })

  test('with a path or another malformed id touch no file', async () => {
    for (const VolumeId of ['../objects', 'vol-0/../../objects', '.', 'vol-', `vol-${'0'.repeat(17)}/..`]) {
      expect(await codeOf(client.send(new DeleteVolumeCommand({ VolumeId })))).toMatch(
        /^InvalidParameterValue$|^InvalidVolume\.NotFound$/,
      )
    }
    expect(existsSync(join(directory, 'objects'))).toBe(true)
  })

  test('stay unchanged after a dry run', async () => {
    const { id, path } = await makeVolume()
    expect(await codeOf(client.send(new DeleteVolumeCommand({ VolumeId: id, DryRun: true })))).toBe(
      'DryRunOperation',
    )
    expect(existsSync(path)).toBe(true)
  })

  test('survive a restart', async () => {
    const storeDirectory = makeDirectory()
    const first = await startSandbox({ directory: storeDirectory, declaration: standardCloud })
    const { VolumeId = '' } = await clientOf(first, first.rootCredentials(productionAccount)).send(
      new CreateVolumeCommand(zone),
    )
    writeFileSync(join(first.volumeDirectory(VolumeId) ?? '', 'data'), 'kept')
    await first.stop()
    const second = await startWorld({ directory: storeDirectory })
    expect(readFileSync(join(second.volumeDirectory(VolumeId) ?? '', 'data'), 'utf8')).toBe('kept')
    expect(
      (
        await clientOf(second, second.rootCredentials(productionAccount)).send(
          new DescribeSnapshotsCommand({}),
        )
      ).Snapshots ?? [],
    ).toEqual([])
  })
})

describe('requests that EC2 refuses', () => {
  const call = (body: string, parameters: object = {}) =>
    send(sandbox, {
      method: 'POST',
      path: '/',
      service: 'ec2',
      credentials,
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      ...parameters,
    })

  test.each<[string, string, string]>([
    ['no action', '', 'MissingAction'],
    ['an unknown action', 'Action=TerminateEverything', 'InvalidAction'],
    ['an action of Object.prototype', 'Action=constructor', 'InvalidAction'],
    ['no id', 'Action=DeleteVolume', 'MissingParameter'],
    ['a bad size', 'Action=CreateVolume&Size=1e9&AvailabilityZone=a', 'InvalidParameterValue'],
    [
      'an unknown filter',
      'Action=DescribeVolumes&Filter.1.Name=x&Filter.1.Value.1=y',
      'InvalidParameterValue',
    ],
  ])('%s', async (_what, body, code) => {
    expect(await call(body)).toMatchObject({ status: 400, code })
  })

  test('a wrong signature, an old one, a changed body', async () => {
    expect(
      await call('Action=DescribeVolumes', { credentials: { ...credentials, secretAccessKey: 'x' } }),
    ).toMatchObject({ status: 401, code: 'AuthFailure' })
    expect(await call('Action=DescribeVolumes', { signedMs: Date.now() - 3_600_000 })).toMatchObject({
      code: 'RequestExpired',
    })
    expect(
      await call('Action=DescribeVolumes', { headers: { 'x-amz-content-sha256': '0'.repeat(64) } }),
    ).toMatchObject({ status: 401, code: 'AuthFailure' })
    expect(sandbox.defects).toEqual([])
  })

  test('a caller without permission', async () => {
    const questions: string[] = []
    const closed = await startWorld({
      authorizer: {
        authorize: ({ action, resource }) => (
          questions.push(`${action} ${resource}`),
          Promise.resolve({ allowed: false, result: 'implicit-deny', statement: null })
        ),
      },
    })
    const closedClient = clientOf(closed, closed.rootCredentials(productionAccount))
    expect(
      await codeOf(closedClient.send(new DeleteVolumeCommand({ VolumeId: `vol-${'0'.repeat(17)}` }))),
    ).toBe('UnauthorizedOperation')
    expect(questions).toEqual([
      `ec2:DeleteVolume arn:aws:ec2:${region}:${productionAccount}:volume/vol-${'0'.repeat(17)}`,
    ])
  })
})
