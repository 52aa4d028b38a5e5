// The sandbox answers as docs/stores.md says, and the page's table is made of what was measured.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createAuthorizer } from '../../lab/sandbox/authorization/authorizer.ts'
import { region, standardCloud, startWorld, vaultAccount } from '../lab/sandbox/world.ts'
import { probe, renderTable } from './probe/probe.ts'
import type { Answers } from './probe/probe.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const measured = JSON.parse(read('probe/measured.json')) as { versitygw: Answers; sandbox: Answers }

test('the sandbox does what the page says of it', async () => {
  const sandbox = await startWorld({ authorizer: (live) => createAuthorizer(standardCloud, live) })
  const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
  expect(
    await probe({
      endpoint: sandbox.endpoint,
      region,
      credentials: { accessKeyId, secretAccessKey },
      bucket: 'probed',
    }),
  ).toEqual(measured.sandbox)
  expect(sandbox.defects).toEqual([])
})

test('the page shows what was measured', () => {
  expect(read('../../docs/stores.md')).toContain(renderTable(measured))
})
