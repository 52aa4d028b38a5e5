import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { assertProviderVersion, oldestProviderVersion } from '../../infra/provider-version.ts'

const { peerDependencies } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { peerDependencies: Record<string, string> }

it('names the version that the package asks for', () => {
  expect(peerDependencies['@pulumi/aws']).toMatch(new RegExp(`^>=${oldestProviderVersion} `))
})

it.each(['7.47.9', '7.9.0', '6.83.0', '7.47.0-alpha.1'])('refuses @pulumi/aws %s by name', (version) => {
  expect(() => assertProviderVersion(version)).toThrow(
    `@pulumi/aws ${version} is older than ${oldestProviderVersion}`,
  )
})

it.each(['7.48.0', '7.48.1', '7.100.0', '8.0.0'])('takes @pulumi/aws %s', (version) => {
  expect(() => assertProviderVersion(version)).not.toThrow()
})

it('takes the installed one', () => {
  expect(() => assertProviderVersion()).not.toThrow()
})
