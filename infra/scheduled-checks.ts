// Scheduled checks in the vault's account. The image registry and the logs are always deployed, the rest only
// if an image is set.
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
  /** Names of the sources with backups in this region. */
  sources: readonly string[]
  /**
   * The roles that schedules, tasks and file systems name. They have to exist first, because AWS validates
   * them at creation.
   */
  roles: readonly pulumi.Resource[]
}

export function deployChecks(
  config: HoldfastConfig,
  { location, sources, roles }: RegionChecks,
  provider: aws.Provider,
): void {
  const suffix = location.region === config.region ? '' : `-${location.region}`
  // A second protection, because tasks name the image by its digest.
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

/**
 * Log groups are declared even without an image, because Pulumi can't delete protected resources when checks
 * are turned off.
 */
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

/**
 * The image in the region's own registry, under the same digest, because the stack's region replicates its
 * registry.
 */
function imageIn({ image }: HoldfastConfig, location: VaultLocation): string {
  return `${imageRepository(location)}${image.slice(image.indexOf('@'))}`
}

/**
 * Roles belong to no region, so they are declared once. Image replication starts from the stack's own region.
 */
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
        description: 'ECS pulls the image and writes the log; no container gets this role',
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
        description: 'Lets schedules start checks, and nothing else',
        trust: schedulerTrustPolicy(locations),
        policy: schedulerPolicy(locations, [...new Set(checkPlans.map(({ duty }) => duty))]),
      },
      options,
    ),
    ...deployRestoreTestRoles(config, locations, options),
  ]
}

/** For `pulumi stack output`: the repository for the image, and the scheduled checks. */
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
