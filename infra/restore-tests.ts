// Restore tests in the vault's account: one for each source of the kind postgres, if `examine` is true.
import type * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import {
  restoreTestMachinePolicy,
  restoreTestMachineTrustPolicy,
  restoreTestStarterPolicy,
  restoreTestStarterTrustPolicy,
} from '../guardrails/restore-test-policies.ts'
import {
  restoreTestMachineRoleName,
  restoreTestName,
  restoreTestStarterRoleName,
  rolePaths,
} from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import type { CheckNetwork } from './components/check-network.ts'
import { RestoreTest } from './components/restore-test.ts'
import { RestoreTestNetwork } from './components/restore-test-network.ts'
import { RestoreTestGroup } from './components/restore-test-group.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { locationOf } from './config.ts'
import type { HoldfastConfig, SourceConfig } from './config.ts'
import { restoreTestSchedule } from '../checks/restore-test-plan.ts'

export interface RegionRestoreTests {
  location: VaultLocation
  image: string
  network: CheckNetwork
  /**
   * Resources to create first, because both services validate their roles, and EFS rejects a policy that
   * names a missing role.
   */
  after: readonly pulumi.Resource[]
}

export function deployRestoreTests(
  config: HoldfastConfig,
  { location, image, network, after }: RegionRestoreTests,
  provider: aws.Provider,
): void {
  const tested = testedSources(config).filter(
    (source) => locationOf(config, source).region === location.region,
  )
  if (tested.length === 0) return
  const suffix = location.region === config.region ? '' : `-${location.region}`
  const options = { providers: [provider], dependsOn: [...after] }
  const shared = new RestoreTestGroup(`examinations${suffix}`, { location }, options)
  const apart = new RestoreTestNetwork(`examinations${suffix}`, { location, network }, options)
  for (const { name } of tested) {
    new RestoreTest(
      `examination-${name}`,
      { location, source: name, image, network, isolatedNetwork: apart },
      { ...options, dependsOn: [...after, ...shared.parts] },
    )
  }
}

export function deployRestoreTestRoles(
  config: HoldfastConfig,
  locations: readonly VaultLocation[],
  options: { providers: aws.Provider[] },
): ScopedRole[] {
  if (testedSources(config).length === 0) return []
  const path = rolePaths.checks
  return [
    new ScopedRole(
      'examination-machine',
      {
        roleName: restoreTestMachineRoleName,
        path,
        description: 'Lets restore tests start their own tasks, and nothing else',
        trust: restoreTestMachineTrustPolicy(locations),
        policy: restoreTestMachinePolicy(locations),
      },
      options,
    ),
    new ScopedRole(
      'examination-starter',
      {
        roleName: restoreTestStarterRoleName,
        path,
        description: 'Lets schedules start restore tests, and nothing else',
        trust: restoreTestStarterTrustPolicy(locations),
        policy: restoreTestStarterPolicy(locations),
      },
      options,
    ),
  ]
}

/** For `pulumi stack output`. */
export function describeRestoreTests(config: HoldfastConfig): Record<string, unknown>[] {
  return testedSources(config).map((source) => ({
    source: source.name,
    schedule: restoreTestSchedule,
    stateMachine: restoreTestName(source.name),
    region: locationOf(config, source).region,
  }))
}

function testedSources({ examine, sources }: HoldfastConfig): SourceConfig[] {
  return examine ? sources.filter(({ kind }) => kind === 'postgres') : []
}
