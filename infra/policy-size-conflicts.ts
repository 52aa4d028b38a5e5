// Policies that grow with the people, sources and regions of the configuration, and would be larger than AWS takes.
// AWS would refuse them halfway through a deployment.
import { schedulerPolicy, schedulerTrustPolicy, taskExecutionPolicy } from '../guardrails/check-policies.ts'
import { vaultPrincipalsPolicy } from '../guardrails/delegation-policies.ts'
import {
  administratorRoleName,
  agentRoleName,
  approverRoleName,
  breakGlassRoleName,
  duties,
  dutyRoleName,
  responderRoleName,
  restoreTestMachineRoleName,
  restoreTestStarterRoleName,
  schedulerRoleName,
  taskExecutionRoleName,
  writerRoleName,
} from '../guardrails/names.ts'
import { quotaChars, renderPolicy } from '../guardrails/policy.ts'
import type { Policy } from '../guardrails/policy.ts'
import {
  restoreTestMachinePolicy,
  restoreTestMachineTrustPolicy,
  restoreTestStarterPolicy,
  restoreTestStarterTrustPolicy,
} from '../guardrails/restore-test-policies.ts'
import { dutyPolicy } from '../guardrails/role-policies.ts'
import {
  administratorTrustPolicy,
  agentTrustPolicy,
  breakGlassTrustPolicy,
  namedHumanTrustPolicy,
  restorerTrustPolicy,
  runnerTrustPolicy,
  writerTrustPolicy,
} from '../guardrails/trust-policies.ts'
import type { WriterTrust } from '../guardrails/trust-policies.ts'
import { locationsOf } from './config.ts'
import type { HoldfastConfig, SourceConfig } from './config.ts'

type Config = Omit<HoldfastConfig, 'lockMode'>

interface GrowingPolicy {
  /** The key to change. */
  key: string
  roleName: string
  quota: 'trustPolicy' | 'inlinePolicies'
  document: Policy
  advice: string
}

/** One line per policy that is too large, beginning with the key to change. */
export function policySizeConflicts(config: Config): string[] {
  const policies = [
    ...trustOfVaultPeople(config),
    ...trustOfProductionPeople(config),
    ...config.sources.map((source) => trustOfWriter(config, source)),
    ...policiesOfRegions(config),
  ]
  const tooLarge = policies.flatMap(({ key, roleName, quota, document, advice }) => {
    const chars = renderPolicy(document).length
    return chars <= quotaChars[quota]
      ? []
      : [
          `holdfast:${key}: ${quota === 'trustPolicy' ? 'the trust policy' : 'the policy'} of ${roleName} would have ${chars} characters, and AWS takes ${quotaChars[quota]}; ${advice}`,
        ]
  })
  return [...tooLarge, ...vaultPrincipalsConflicts(config)]
}

const fewerPeople =
  'name fewer principals: one permission set of Identity Center (AWSReservedSSO_NAME_*), or one role, stands for all people who have it'

function trustOf(key: string, roleName: string, document: Policy): GrowingPolicy {
  return { key, roleName, quota: 'trustPolicy', document, advice: fewerPeople }
}

function trustOfVaultPeople(config: Config): GrowingPolicy[] {
  const { vaultAccountId: accountId, restorers, runners } = config
  const regions = locationsOf(config).map(({ region }) => region)
  const runnerTrust = (names: readonly string[]) => runnerTrustPolicy({ accountId, regions, runners: names })
  return [
    trustOf('restorers', dutyRoleName('restorer'), restorerTrustPolicy(accountId, restorers)),
    // The regions alone are examined below, so that the message names the key that helps.
    ...(runners.length === 0 ? [] : [trustOf('runners', dutyRoleName('notary'), runnerTrust(runners))]),
  ]
}

function trustOfProductionPeople(config: Config): GrowingPolicy[] {
  const { productionAccountId: id, agents, launchers, breakGlass, approvers, responders } = config
  if (id === '') return []
  return [
    ...agents
      .slice(0, 1)
      .map(({ name }) => trustOf('launchers', agentRoleName(name), agentTrustPolicy(id, launchers))),
    trustOf('breakGlass', breakGlassRoleName, breakGlassTrustPolicy(id, breakGlass)),
    trustOf('approvers', approverRoleName, namedHumanTrustPolicy(id, approvers)),
    trustOf('responders', responderRoleName, namedHumanTrustPolicy(id, responders)),
    trustOf('administrators', administratorRoleName, administratorTrustPolicy(id, config.administrators)),
  ]
}

function trustOfWriter({ vaultAccountId, region }: Config, { name, trust }: SourceConfig): GrowingPolicy {
  return {
    key: 'sources',
    roleName: writerRoleName(name),
    quota: 'trustPolicy',
    document: writerTrustPolicy(vaultAccountId, name, writerTrust(trust, { vaultAccountId, region })),
    advice: 'shorten what its trust names: the role, or issuer, audience and subject',
  }
}

function writerTrust(
  trust: SourceConfig['trust'],
  { vaultAccountId, region }: Pick<Config, 'vaultAccountId' | 'region'>,
): WriterTrust {
  if ('awsRoleArn' in trust) return { kind: 'aws-role', roleArn: trust.awsRoleArn }
  if ('oidc' in trust) return { kind: 'oidc', ...trust.oidc }
  // AWS gives the anchor's id, always of this length, when it creates the anchor.
  const trustAnchorArn = `arn:aws:rolesanywhere:${region}:${vaultAccountId}:trust-anchor/00000000-0000-0000-0000-000000000000`
  return { kind: 'roles-anywhere', trustAnchorArn, commonName: trust.rolesAnywhere.commonName }
}

function policiesOfRegions(config: Config): GrowingPolicy[] {
  const locations = locationsOf(config)
  const regions = locations.map(({ region }) => region)
  const accountId = config.vaultAccountId
  const advice = 'use fewer regions, or a stack with a vault account of its own for some of them'
  const of = (quota: GrowingPolicy['quota']) => (roleName: string, document: Policy) => ({
    key: 'regions',
    roleName,
    quota,
    document,
    advice,
  })
  const trust = of('trustPolicy')
  const inline = of('inlinePolicies')
  return [
    trust(taskExecutionRoleName, runnerTrustPolicy({ accountId, regions, runners: [] })),
    trust(schedulerRoleName, schedulerTrustPolicy(locations)),
    trust(restoreTestMachineRoleName, restoreTestMachineTrustPolicy(locations)),
    trust(restoreTestStarterRoleName, restoreTestStarterTrustPolicy(locations)),
    inline(taskExecutionRoleName, taskExecutionPolicy(locations)),
    inline(schedulerRoleName, schedulerPolicy(locations, [...duties, 'audit-reader'])),
    inline(restoreTestMachineRoleName, restoreTestMachinePolicy(locations)),
    inline(restoreTestStarterRoleName, restoreTestStarterPolicy(locations)),
    ...duties.map((duty) => inline(dutyRoleName(duty), dutyPolicy(locations, duty))),
  ]
}

function vaultPrincipalsConflicts(config: Config): string[] {
  if (config.detached) return []
  const listed = [...config.restorers, ...config.runners, ...config.deployers]
  const chars = renderPolicy(vaultPrincipalsPolicy(config.vaultAccountId, listed)).length
  return chars <= config.controlPolicyChars
    ? []
    : [
        `holdfast:deployers: with restorers and runners they make a control policy of ${chars} characters, and AWS takes ${config.controlPolicyChars}; name fewer principals`,
      ]
}
