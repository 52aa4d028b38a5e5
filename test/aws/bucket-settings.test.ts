import { afterEach, describe, expect, test } from 'vitest'
import { BucketSettings } from '../../aws/bucket-settings.ts'
import { sendError, sendXml, startScriptedServer } from './scripted-server.ts'
import type { Script } from './scripted-server.ts'

const open: { stop(): unknown }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

async function connect(script: Script): Promise<BucketSettings> {
  const server = await startScriptedServer(script)
  const buckets = new BucketSettings({
    region: 'eu-central-1',
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
  })
  open.push(server, { stop: () => buckets.close() })
  return buckets
}

const versioned = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
const lockOf = (mode: string): string =>
  `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>${mode}</ObjectLockConfiguration>`
const retention = (mode: string, length = '<Days>40</Days>'): string =>
  `<Rule><DefaultRetention><Mode>${mode}</Mode>${length}</DefaultRetention></Rule>`
const expiry = (days: number, status = 'Enabled'): string =>
  `<Rule><ID>r${days}</ID><Filter><Prefix></Prefix></Filter><Status>${status}</Status><NoncurrentVersionExpiration><NoncurrentDays>${days}</NoncurrentDays></NoncurrentVersionExpiration></Rule>`

function bucket(responses: {
  versioning?: string
  lock?: string
  lifecycle?: string
}): Promise<BucketSettings> {
  return connect(({ url }, response) => {
    if (url.searchParams.has('versioning'))
      return sendXml(response, responses.versioning ?? '<VersioningConfiguration/>')
    if (url.searchParams.has('object-lock'))
      return responses.lock === undefined
        ? sendError(response, 404, 'ObjectLockConfigurationNotFoundError')
        : sendXml(response, responses.lock)
    return responses.lifecycle === undefined
      ? sendError(response, 404, 'NoSuchLifecycleConfiguration')
      : sendXml(response, `<LifecycleConfiguration>${responses.lifecycle}</LifecycleConfiguration>`)
  })
}

describe('a bucket', () => {
  test.each<[string, Parameters<typeof bucket>[0], object]>([
    ['nothing', {}, { versioned: false, lock: null, oldVersionsDays: null }],
    ['versions', { versioning: versioned }, { versioned: true, lock: null, oldVersionsDays: null }],
    ['suspended versions', { versioning: versioned.replace('Enabled', 'Suspended') }, { versioned: false }],
    ['Object Lock without a default', { lock: lockOf('') }, { lock: { retention: null } }],
    [
      'a default in COMPLIANCE',
      { lock: lockOf(retention('COMPLIANCE')) },
      { lock: { retention: { mode: 'COMPLIANCE', days: 40 } } },
    ],
    [
      'a default in years',
      { lock: lockOf(retention('GOVERNANCE', '<Years>2</Years>')) },
      { lock: { retention: { mode: 'GOVERNANCE', days: 730 } } },
    ],
    [
      'old versions that go, by the shortest rule in force',
      { lifecycle: expiry(30) + expiry(3) + expiry(1, 'Disabled') },
      { oldVersionsDays: 3 },
    ],
    [
      'a lifecycle that leaves versions alone',
      {
        lifecycle:
          '<Rule><ID>a</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>',
      },
      { oldVersionsDays: null },
    ],
  ])('with %s is reported as that', async (_, responses, expected) => {
    expect(await (await bucket(responses)).read('bucket')).toMatchObject({ name: 'bucket', ...expected })
  })

  test.each(['versioning', 'object-lock', 'lifecycle'])(
    'whose %s may not be read is denied as a whole, and never reads as "none"',
    async (denied) => {
      const buckets = await connect(({ url }, response) =>
        url.searchParams.has(denied)
          ? sendError(response, 403, 'AccessDenied')
          : sendXml(response, url.searchParams.has('versioning') ? versioned : lockOf('')),
      )
      await expect(buckets.read('bucket')).rejects.toMatchObject({ code: 'denied' })
    },
  )

  test.each([
    ['a mode that is not known', retention('LOOSE')],
    ['a default without days', retention('COMPLIANCE', '')],
    ['a default of no day', retention('COMPLIANCE', '<Days>0</Days>')],
  ])('with %s is an error', async (_, sent) => {
    await expect((await bucket({ lock: lockOf(sent) })).read('bucket')).rejects.toMatchObject({
      code: 'unreachable',
    })
  })
})

describe('the list of buckets', () => {
  const page = (names: string[], next = ''): string =>
    `<ListAllMyBucketsResult><Buckets>${names.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('')}</Buckets>${next === '' ? '' : `<ContinuationToken>${next}</ContinuationToken>`}</ListAllMyBucketsResult>`

  test('is read page by page', async () => {
    const buckets = await connect(({ url }, response) =>
      sendXml(
        response,
        url.searchParams.get('continuation-token') === 't' ? page(['c-c']) : page(['a-a', 'b.b'], 't'),
      ),
    )
    expect(await buckets.list()).toEqual(['a-a', 'b.b', 'c-c'])
  })

  test.each(['../x', 'a/b', 'UPPER', ''])('with the name %j is an error', async (name) => {
    await expect(
      (await connect((_, response) => sendXml(response, page([name])))).list(),
    ).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('without end is an error, and without the permission is denied', async () => {
    let at = 0
    await expect(
      (await connect((_, response) => sendXml(response, page(['a-a'], `t${at++}`)))).list(),
    ).rejects.toMatchObject({ code: 'unreachable' })
    await expect(
      (await connect((_, response) => sendError(response, 403, 'AccessDenied'))).list(),
    ).rejects.toMatchObject({ code: 'denied' })
  })
})
