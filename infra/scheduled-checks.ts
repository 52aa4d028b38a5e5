// Checks that run by themselves, in the vault's account: the registry of their image, and as soon as it holds one, everything else.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { schedulerPolicy, schedulerTrustPolicy, taskExecutionPolicy } from '../guardrails/check-policies.ts'
import { checkFamily, checkLogGroupName, imageRepository, imageRepositoryName, rolePaths, schedulerRoleName, taskExecutionRoleName } from '../guardrails/names.ts'
import { runnerTrustPolicy } from '../guardrails/trust-policies.ts'
import { checkPlans } from './check-plan.ts'
import { CheckCluster } from './components/check-cluster.ts'
import { CheckNetwork } from './components/check-network.ts'
import { ScheduledCheck } from './components/scheduled-check.ts'
import { ScopedRole } from './components/scoped-role.ts'
import type { HoldfastConfig } from './config.ts'
import type { VaultPlace } from '../guardrails/names.ts'

export function deployChecks(config: HoldfastConfig, place: VaultPlace, provider: aws.Provider): void {
  // A tag can't be moved, and what runs is named by its digest all the same.
  new aws.ecr.Repository(
    'checks',
    { name: imageRepositoryName, imageTagMutability: 'IMMUTABLE', imageScanningConfiguration: { scanOnPush: true } },
    { provider, protect: true, retainOnDelete: true },
  )
  if (config.image === '') return
  const options = { providers: [provider] }
  const roles = deployRoles(place, options)
  const network = new CheckNetwork('checks', { place }, options)
  const cluster = new CheckCluster('checks', { place }, options)
  for (const { name } of config.sources) {
    for (const plan of checkPlans) {
      new ScheduledCheck(
        `check-${plan.name}-${name}`,
        { place, plan, source: name, image: config.image, network },
        { ...options, dependsOn: [...roles, ...cluster.parts] },
      )
    }
  }
}

function deployRoles(place: VaultPlace, options: pulumi.ComponentResourceOptions): pulumi.Resource[] {
  const path = rolePaths.checks
  return [
    new ScopedRole(
      'task-execution',
      {
        roleName: taskExecutionRoleName, path, description: 'ECS brings the image and takes the log; no container is given it',
        trust: runnerTrustPolicy({ ...place, runners: [] }), policy: taskExecutionPolicy([place]),
      },
      options,
    ),
    new ScopedRole(
      'check-scheduler',
      {
        roleName: schedulerRoleName, path, description: 'Schedules start checks, and nothing else',
        trust: schedulerTrustPolicy([place]), policy: schedulerPolicy([place], [...new Set(checkPlans.map(({ duty }) => duty))]),
      },
      options,
    ),
  ]
}

/** For `pulumi stack output`: where the image is pushed to, and what runs. */
export function describeChecks(config: HoldfastConfig, place: VaultPlace): Record<string, unknown> {
  const scheduled = checkPlans.flatMap((plan) =>
    config.sources.map(({ name: source }) => ({ check: plan.name, source, task: checkFamily(plan.name, source), schedule: plan.schedule, duty: plan.duty })))
  return {
    imageRepository: imageRepository(place),
    checks: config.image === '' ? null : { image: config.image, logGroup: checkLogGroupName, scheduled },
  }
}
