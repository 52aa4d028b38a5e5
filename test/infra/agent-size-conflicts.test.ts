import { describe, expect, it } from 'vitest'
import { agentBoundary } from '../../guardrails/agent-policies.ts'
import { servicesOf } from '../../guardrails/catalogue/agent-limits.ts'
import { mcpPolicy } from '../../guardrails/mcp-policy.ts'
import {
  productionDelayPolicy,
  productionPolicy,
  vaultFreezePolicy,
} from '../../guardrails/organization-policies.ts'
import { quotaChars, renderPolicy } from '../../guardrails/policy.ts'
import { agentSizeConflicts } from '../../infra/agent-size-conflicts.ts'
import { readConfig } from '../../infra/config-reader.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'

const config = readConfig({ ...exampleConfig, layer: 'vault' }, 0)
const vault = { accountId: config.vaultAccountId, region: config.region }
const services = servicesOf(config.agents.flatMap(({ may }) => may))
const agent = (name: string, may: string[]) => ({ ...config.agents[0]!, name, may })

describe('policies of the shipped example', () => {
  it.each(config.agents)('the boundary of $name fits a managed policy', ({ may }) => {
    const document = agentBoundary(vault, { may, environmentTag: config.environmentTag })
    expect(renderPolicy(document).length).toBeLessThanOrEqual(quotaChars.managedPolicy)
  })

  it('the control policy of the vault fits the quota since May 2026, and the other large ones that of before', () => {
    const { productionAccountId } = config
    const freeze = vaultFreezePolicy(vault, '2030-01-31T18:00:00.000+00:00')
    expect(renderPolicy(freeze).length).toBeLessThanOrEqual(quotaChars.serviceControlPolicy)
    for (const document of [
      productionPolicy(productionAccountId, services),
      productionDelayPolicy(productionAccountId, '2030-01-31T18:00:00.000+00:00'),
      mcpPolicy(services, 5_120),
    ])
      expect(renderPolicy(document).length).toBeLessThanOrEqual(5_120)
  })

  it("reading through an MCP server takes all services with the quota of today, and the agents' with the older one", () => {
    const readable = (maxChars: number) =>
      new Set(mcpPolicy(services, maxChars).Statement[0]!.NotAction!.map((action) => action.split(':')[0]!))
    expect(readable(10_240).size).toBeGreaterThan(170)
    expect(readable(5_120).size).toBeLessThan(15)
    for (const service of services) expect(readable(5_120)).toContain(service)
  })
})

describe('what AWS has no room for', () => {
  it('is named with its size, the quota and the services that need the most', () => {
    const wide = ['ec2', 'rds', 's3', 'iot', 'chime', 'quicksight'].map((service) => `${service}:*`)
    expect(agentSizeConflicts({ ...config, agents: [agent('wide', wide)] })).toEqual([
      expect.stringMatching(
        /^holdfast:agents: the boundary of wide would have \d{4} characters, and AWS takes 6144; name the actions of ec2, \w+, \w+ that its task needs without `\*`, or split the agent$/,
      ),
    ])
    const many = ['ec2', 'iot', 'quicksight', 'connect'].map((service) => agent(service, [`${service}:*`]))
    expect(agentSizeConflicts({ ...config, agents: many, controlPolicyChars: 5_120 })).toEqual([
      expect.stringMatching(
        /^holdfast:agents: what all agents together may use makes a control policy of \d{4} characters, and AWS takes 5120; let agents use fewer services: \w+, \w+, \w+ need the most$/,
      ),
    ])
  })

  it('is no control policy where there is no Organization', () => {
    const many = ['ec2', 'iot', 'quicksight', 'connect'].map((service) => agent(service, [`${service}:*`]))
    expect(
      agentSizeConflicts({ ...config, agents: many, controlPolicyChars: 5_120, detached: true }),
    ).toEqual([])
  })
})
