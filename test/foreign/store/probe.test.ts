import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { probe } from '../../conformance/probe/probe.ts'
import { versityVersion } from '../versitygw.ts'
import { ThirdPartyVault } from './third-party-vault.ts'

const {
  gateway: { endpoint, region, credentials },
} = await ThirdPartyVault.start()
const measured = JSON.parse(
  readFileSync(new URL('../../conformance/probe/measured.json', import.meta.url), 'utf8'),
) as { versitygw: object }

test('VersityGW does what docs/stores.md says of it', async () => {
  expect(await probe({ endpoint, region, credentials, bucket: 'probed' })).toMatchObject({
    answers: measured.versitygw,
    remaining: 0,
  })
})

test('the pages name the version that is tested', () => {
  for (const page of ['stores', 'sandbox-compatibility']) {
    expect(readFileSync(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8')).toContain(
      `VersityGW ${versityVersion} `,
    )
  }
})
