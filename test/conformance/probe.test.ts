// The sandbox answers as docs/stores.md says, and the page's table is made of what was measured.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { createAuthorizer } from '../../lab/sandbox/authorization/authorizer.ts'
import { region, rootOf, standardCloud, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
import { probe, renderTable } from './probe/probe.ts'
import type { Measured } from './probe/probe.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const measured = JSON.parse(read('probe/measured.json')) as Measured

test('the sandbox does what the page says of it', async () => {
  const sandbox = await startWorld({ authorizer: (live) => createAuthorizer(standardCloud, live) })
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  const result = await probe(
    {
      endpoint: sandbox.endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
      bucket: 'probed',
    },
    {
      sleep: (ms) => {
        sandbox.clock.turn(ms)
        return Promise.resolve()
      },
    },
  )
  expect(result).toEqual({ answers: measured.sandbox, refusals: [], remaining: 0 })
  const client = rootOf(sandbox)
  await expect(client.send(new HeadBucketCommand({ Bucket: 'probed' }))).rejects.toMatchObject({
    name: 'NotFound',
  })
  expect(sandbox.defects).toEqual([])
})

test('a store that refuses every question is asked all of them', async ({ onTestFinished }) => {
  const server = createServer((request, response) => {
    request.resume()
    // Only a bucket without Object Lock can be made, because without a bucket there is nothing to ask.
    const isCreated =
      request.method === 'PUT' &&
      /^\/probed\/?$/.test(request.url ?? '') &&
      request.headers['x-amz-bucket-object-lock-enabled'] === undefined
    if (isCreated) return void response.writeHead(200).end()
    response.writeHead(501, { 'content-type': 'application/xml' })
    response.end('<Error><Code>NotImplemented</Code><Message>not here</Message></Error>')
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { answers, refusals } = await probe({
    endpoint: `http://127.0.0.1:${port}`,
    region,
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    bucket: 'probed',
  })
  expect(Object.keys(answers)).toEqual(Object.keys(measured.sandbox))
  expect(new Set(Object.values(answers))).toEqual(new Set(['NotImplemented (501)']))
  expect(refusals[0]).toBe('a bucket with Object Lock: NotImplemented (501)')
})

test('the page shows what was measured', () => {
  expect(read('../../docs/stores.md')).toContain(renderTable(measured))
})
