import { afterEach, expect, test } from 'vitest'
import { DatabaseSettings } from '../../aws/database-settings.ts'
import { sendError, sendXml, startScriptedServer } from './scripted-server.ts'

const open: { stop(): unknown }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.stop())))

type Responder = (form: Record<string, string>) => string | number

async function connect(
  respond: Responder,
): Promise<{ databases: DatabaseSettings; calls: () => Record<string, string>[] }> {
  const server = await startScriptedServer(({ body }, response) => {
    const form = Object.fromEntries(new URLSearchParams(body.toString()))
    const inside = respond(form)
    if (typeof inside === 'number') return sendError(response, inside, 'AccessDenied')
    sendXml(
      response,
      `<${form['Action']!}Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><${form['Action']!}Result>${inside}</${form['Action']!}Result></${form['Action']!}Response>`,
    )
  })
  open.push(server)
  const databases = new DatabaseSettings({
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 's' }),
  })
  return {
    databases,
    calls: () => server.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body.toString()))),
  }
}

const database = (name: string, isProtected: boolean, cluster = ''): string =>
  `<DBInstance><DBInstanceIdentifier>${name}</DBInstanceIdentifier><DeletionProtection>${isProtected}</DeletionProtection>${cluster}</DBInstance>`

test('databases outside clusters are listed page by page, with their protection', async () => {
  const { databases, calls } = await connect(({ Marker }) =>
    Marker === undefined
      ? `<DBInstances>${database('kept', true)}${database('member', false, '<DBClusterIdentifier>c</DBClusterIdentifier>')}</DBInstances><Marker>m</Marker>`
      : `<DBInstances>${database('bare', false)}<DBInstance><DBInstanceIdentifier>unsaid</DBInstanceIdentifier></DBInstance></DBInstances>`,
  )
  expect(await databases.databases('eu-central-1')).toEqual([
    { name: 'db:kept', isProtected: true },
    { name: 'db:bare', isProtected: false },
    { name: 'db:unsaid', isProtected: false },
  ])
  expect(calls().map(({ Action, Marker }) => [Action, Marker])).toEqual([
    ['DescribeDBInstances', undefined],
    ['DescribeDBInstances', 'm'],
  ])
})

test('clusters are listed with their protection', async () => {
  const { databases } = await connect(
    () =>
      '<DBClusters><DBCluster><DBClusterIdentifier>c</DBClusterIdentifier><DeletionProtection>true</DeletionProtection></DBCluster></DBClusters>',
  )
  expect(await databases.clusters('eu-central-1')).toEqual([{ name: 'cluster:c', isProtected: true }])
})

test.each<[string, Responder, string]>([
  ['that is denied', () => 403, 'denied'],
  ["whose pages don't end", () => '<DBInstances/><Marker>again</Marker>', 'unreachable'],
  [
    'of databases without a name',
    () => '<DBInstances><DBInstance><DeletionProtection>true</DeletionProtection></DBInstance></DBInstances>',
    'unreachable',
  ],
])('a list %s is an error, and never empty', async (_, respond, code) => {
  const { databases, calls } = await connect(respond)
  await expect(databases.databases('eu-central-1')).rejects.toMatchObject({ code })
  expect(calls().length).toBeLessThan(4)
})
