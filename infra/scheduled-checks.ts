// Checks that run by themselves, in the vault's account: the registry of their image, their logs, and as soon as there is an image, everything else.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import { schedulerPolicy, schedulerTrustPolicy, taskExecutionPolicy } from '../guardrails/check-policies.ts'
import {
  checkFamily,
  checkLogGroupName,
  restoreTestLogGroupName,
  imageRepository,
  imageRepositoryName,
  rolePaths,
  schedulerRoleName,
  taskExecutionRoleName,
} from '../guardrails/names.ts'
import { runnerTrustPolicy } from '../guardrails/trust-policies.ts'
import { checkPlans } from '../checks/check-plan.ts'
import { CheckCluster } from './components/check-cluster.ts'
import { CheckNetwork } from './components/check-network.ts'
import { ScheduledCheck } from './components/scheduled-check.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { deployRestoreTestRoles, deployRestoreTests, describeRestoreTests } from './restore-tests.ts'
import type { HoldfastConfig } from './config.ts'
import type { VaultLocation } from '../guardrails/names.ts'

const logDays = 90

export interface RegionChecks {
  location: VaultLocation
  /** Those whose backups lie there. */
  sources: readonly string[]
  /** All that a schedule, a task or a file system names: Scheduler tries whether it can become its role. */
  roles: readonly pulumi.Resource[]
}

export function deployChecks(
  config: HoldfastConfig,
  { location, sources, roles }: RegionChecks,
  provider: aws.Provider,
): void {
  const suffix = location.region === config.region ? '' : `-${location.region}`
  // A tag can't be moved, and what runs is named by its digest all the same.
  new aws.ecr.Repository(
    `checks${suffix}`,
    {
      name: imageRepositoryName,
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
    },
    { provider, protect: true, retainOnDelete: true },
  )
  const logs = declareLogs(suffix, provider)
  if (config.image === '') return
  const options = { providers: [provider] }
  const network = new CheckNetwork(`checks${suffix}`, { location }, options)
  const cluster = new CheckCluster(`checks${suffix}`, { location }, options)
  const image = imageIn(config, location)
  const after = [...roles, ...logs, ...cluster.parts]
  for (const source of sources) {
    for (const plan of checkPlans) {
      new ScheduledCheck(
        `check-${plan.name}-${source}`,
        { location, plan, source, image, network },
        { ...options, dependsOn: after },
      )
    }
  }
  deployRestoreTests(config, { location, image, network, after }, provider)
}

/** Whether anything is started or not: what is protected, Pulumi refuses to take away, and nothing could be switched off again. */
function declareLogs(suffix: string, provider: aws.Provider): pulumi.Resource[] {
  return Object.entries({ checks: checkLogGroupName, examinations: restoreTestLogGroupName }).map(
    ([resourceName, name]) =>
      new aws.cloudwatch.LogGroup(
        `${resourceName}${suffix}`,
        { name, retentionInDays: logDays, deletionProtectionEnabled: true },
        { provider, protect: true, retainOnDelete: true },
      ),
  )
}

/** The registry of the stack's own region sends what is pushed there to the others: the same digest everywhere. */
function imageIn({ image }: HoldfastConfig, location: VaultLocation): string {
  return `${imageRepository(location)}${image.slice(image.indexOf('@'))}`
}

/** Roles are of no region; the copies of the image are sent from the stack's own. */
export function deployCheckRoles(
  config: HoldfastConfig,
  locations: readonly VaultLocation[],
  options: { providers: aws.Provider[] },
): pulumi.Resource[] {
  const { accountId } = locations[0]!
  const regions = locations.map(({ region }) => region)
  if (regions.length > 1) {
    new aws.ecr.ReplicationConfiguration(
      'checks',
      {
        replicationConfiguration: {
          rules: [
            {
              destinations: regions.slice(1).map((region) => ({ region, registryId: accountId })),
              repositoryFilters: [{ filter: imageRepositoryName, filterType: 'PREFIX_MATCH' }],
            },
          ],
        },
      },
      { provider: options.providers[0]! },
    )
  }
  if (config.image === '') return []
  const path = rolePaths.checks
  return [
    new ScopedRole(
      'task-execution',
      {
        roleName: taskExecutionRoleName,
        path,
        description: 'ECS brings the image and takes the log; no container is given it',
        trust: runnerTrustPolicy({ accountId, regions, runners: [] }),
        policy: taskExecutionPolicy(locations),
      },
      options,
    ),
    new ScopedRole(
      'check-scheduler',
      {
        roleName: schedulerRoleName,
        path,
        description: 'Schedules start checks, and nothing else',
        trust: schedulerTrustPolicy(locations),
        policy: schedulerPolicy(locations, [...new Set(checkPlans.map(({ duty }) => duty))]),
      },
      options,
    ),
    ...deployRestoreTestRoles(config, locations, options),
  ]
}

/** For `pulumi stack output`: where the image is pushed to, and what runs. */
export function describeChecks(config: HoldfastConfig, location: VaultLocation): Record<string, unknown> {
  const scheduled = checkPlans.flatMap((plan) =>
    config.sources.map(({ name: source }) => ({
      check: plan.name,
      source,
      task: checkFamily(plan.name, source),
      schedule: plan.schedule,
      duty: plan.duty,
    })),
  )
  return {
    imageRepository: imageRepository(location),
    checks:
      config.image === ''
        ? null
        : {
            image: config.image,
            logGroup: checkLogGroupName,
            scheduled,
            examinations: describeRestoreTests(config),
          },
  }
}
