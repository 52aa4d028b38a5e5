import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { agentBoundary } from '../../guardrails/agent-policies.ts'
import { servicesOf } from '../../guardrails/catalogue/agent-limits.ts'
import { mcpPolicy } from '../../guardrails/mcp-policy.ts'
import { vaultPrincipalsPolicy } from '../../guardrails/delegation-policies.ts'
import {
  membershipPolicy,
  productionDelayPolicy,
  productionPolicy,
  vaultFreezePolicy,
} from '../../guardrails/organization-policies.ts'
import { quotaChars, renderPolicy } from '../../guardrails/policy.ts'
import type { Policy } from '../../guardrails/policy.ts'
import { exampleAccounts, exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

const chars = new Intl.NumberFormat('en')

/** The table of docs/guardrails.md between the marks `sizes`. */
function sizesTable(): string {
  const vault = { accountId: exampleAccounts.vault, region: exampleConfig.region }
  const services = servicesOf(exampleConfig.agents.flatMap(({ may }): readonly string[] => may))
  const vaultPeople = [...exampleConfig.deployers, ...exampleConfig.restorers, ...exampleConfig.runners]
  const controlPolicies: [string, Policy][] = [
    ['membership', membershipPolicy()],
    ['vault-freeze', vaultFreezePolicy(vault, '')],
    ['vault-principals', vaultPrincipalsPolicy(vault.accountId, vaultPeople)],
    ['production', productionPolicy(exampleAccounts.production, services)],
    ['production-delays', productionDelayPolicy(exampleAccounts.production, '')],
    ['production-mcp', mcpPolicy(services, quotaChars.serviceControlPolicy)],
  ]
  const rows: [string, Policy, number][] = [
    ...exampleConfig.agents.map(({ name, may }): [string, Policy, number] => [
      `boundary of the agent \`${name}\``,
      agentBoundary(vault, { may, environmentTag: 'environment' }),
      quotaChars.managedPolicy,
    ]),
    ...controlPolicies.map(([name, document]): [string, Policy, number] => [
      `control policy \`holdfast-${name}\``,
      document,
      quotaChars.serviceControlPolicy,
    ]),
  ]
  return [
    '| Policy | Characters | AWS takes |',
    '| --- | ---: | ---: |',
    ...rows.map(
      ([name, document, quota]) =>
        `| ${name} | ${chars.format(renderPolicy(document).length)} | ${chars.format(quota)} |`,
    ),
  ].join('\n')
}

test('docs/guardrails.md has the sizes that the policies have', () => {
  const page = readFileSync(new URL('../../docs/guardrails.md', import.meta.url), 'utf8')
  const table = /<!-- sizes: [^\n]*-->\n([\s\S]*?)\n?<!-- \/sizes -->/.exec(page)?.[1]
  expect(table).toBe(sizesTable())
})
