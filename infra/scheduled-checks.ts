// Scheduled checks in the vault's account. The image registry and the logs are always deployed, the rest only
// if an image is set.
import * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'
import {
  auditReaderPolicy,
  schedulerPolicy,
  schedulerTrustPolicy,
  taskExecutionPolicy,
} from '../guardrails/check-policies.ts'
import {
  auditReaderRoleName,
  checkFamily,
  checkLogGroupName,
  checkMetricName,
  restoreTestLogGroupName,
  imageRepository,
  imageRepositoryName,
  rolePaths,
  schedulerRoleName,
  taskExecutionRoleName,
  vaultBucketName,
} from '../guardrails/names.ts'
import { runnerTrustPolicy } from '../guardrails/trust-policies.ts'
import { sourcePlans, taskPlans, trailPlans, vaultPlans } from '../checks/check-plan.ts'
import { CheckCluster } from './components/check-cluster.ts'
import { CheckNetwork } from './components/check-network.ts'
import { countPassedRuns } from './components/passed-checks.ts'
import { ScheduledCheck } from './components/scheduled-check.ts'
import { ScopedRole } from './components/scoped-role.ts'
import { expectedSettings } from './components/vault-bucket.ts'
import { deployRestoreTestRoles, deployRestoreTests, describeRestoreTests } from './restore-tests.ts'
import type { HoldfastConfig } from './config.ts'
import type { VaultLocation } from '../guardrails/names.ts'

const logDays = 90

export interface RegionChecks {
  location: VaultLocation
  /** Names of the sources with backups in this region. */
  sources: readonly string[]
  /**
   * Resources to create first: the policies of buckets, and the roles that schedules, tasks and file systems name,
   * because AWS validates them at creation.
   */
  after: readonly pulumi.Resource[]
  /** The public keys of the notary, in PEM: receipts count with them alone. */
  notaryPem: pulumi.Output<string>
}

export function deployChecks(
  config: HoldfastConfig,
  { location, sources, after, notaryPem }: RegionChecks,
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
    { provider, protect: true, retainOnDelete: true, dependsOn: [...after] },
  )
  const logs = declareLogs(suffix, provider, after)
  if (config.image === '') return
  const options = { providers: [provider], dependsOn: [...after] }
  const network = new CheckNetwork(`checks${suffix}`, { location }, options)
  const cluster = new CheckCluster(`checks${suffix}`, { location }, options)
  const image = imageIn(config, location)
  const parts = [...after, ...logs, ...cluster.parts]
  const expected = { buckets: { [vaultBucketName(location)]: expectedSettings({ ...config, location }) } }
  const target = { ...config, location, expected: JSON.stringify(expected) }
  const taskOptions = { ...options, dependsOn: [...parts, ...countRuns(suffix, logs, provider)] }
  for (const plan of sourcePlans) {
    for (const source of sources) {
      const command = notaryPem.apply((pem) => plan.command({ ...target, source, notaryPem: pem }))
      new ScheduledCheck(
        `check-${plan.name}-${source}`,
        { location, plan, source, command, image, network },
        taskOptions,
      )
    }
  }
  for (const plan of vaultPlans) {
    const command = notaryPem.apply((pem) => plan.command({ ...target, notaryPem: pem }))
    new ScheduledCheck(
      `check-${plan.name}${suffix}`,
      { location, plan, source: null, command, image, network },
      taskOptions,
    )
  }
  const trail = { location, accountIds: watchedAccounts(config) }
  if (location.region === config.region && trail.accountIds.length > 0) {
    for (const plan of trailPlans)
      new ScheduledCheck(
        `check-${plan.name}`,
        { location, plan, source: null, command: plan.command(trail), image, network },
        taskOptions,
      )
  }
  deployRestoreTests(config, { location, image, network, after: parts }, provider)
}

/** A metric for each kind of task, with the source as its dimension. */
function countRuns(
  suffix: string,
  logs: readonly pulumi.Resource[],
  provider: aws.Provider,
): pulumi.Resource[] {
  const count = (plans: readonly { name: string; passedFilter: string }[], isBySource: boolean) =>
    plans.map(({ name, passedFilter }) =>
      countPassedRuns(
        `passed-${name}${suffix}`,
        { metricName: checkMetricName(name), pattern: passedFilter, isBySource },
        { provider, dependsOn: [...logs] },
      ),
    )
  return [
    ...count(sourcePlans, true),
    ...count(vaultPlans, false),
    ...(suffix === '' ? count(trailPlans, false) : []),
  ]
}

/**
 * Log groups are declared even without an image, because Pulumi can't delete protected resources when checks
 * are turned off.
 */
function declareLogs(
  suffix: string,
  provider: aws.Provider,
  dependsOn: readonly pulumi.Resource[],
): pulumi.Resource[] {
  return Object.entries({ checks: checkLogGroupName, examinations: restoreTestLogGroupName }).map(
    ([resourceName, name]) =>
      new aws.cloudwatch.LogGroup(
        `${resourceName}${suffix}`,
        {
          name,
          retentionInDays: logDays,
          deletionProtectionEnabled: true,
          // In this class AWS makes no metrics of log lines. Restored data could otherwise print a metric of a passed
          // check.
          ...(name === restoreTestLogGroupName ? { logGroupClass: 'INFREQUENT_ACCESS' } : {}),
        },
        { provider, protect: true, retainOnDelete: true, dependsOn: [...dependsOn] },
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
  options: pulumi.ComponentResourceOptions & { providers: aws.Provider[] },
): ScopedRole[] {
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
      {
        provider: options.providers[0]!,
        ...(options.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }),
      },
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
        policy: schedulerPolicy(locations, [...new Set(taskPlans.map(({ duty }) => duty))]),
      },
      options,
    ),
    new ScopedRole(
      'audit-reader',
      {
        roleName: auditReaderRoleName,
        path,
        description: 'Reads the audit trail for the check of agents; can not open the vault',
        trust: runnerTrustPolicy({ accountId, regions: [locations[0]!.region], runners: [] }),
        policy: auditReaderPolicy(locations[0]!),
      },
      options,
    ),
    ...deployRestoreTestRoles(config, locations, options),
  ]
}

/** Agents work in production, if it is in AWS; an administrator is delegated in the management account. */
function watchedAccounts({ productionAccountId, managementAccountId, detached }: HoldfastConfig): string[] {
  return [productionAccountId, detached ? '' : managementAccountId].filter((accountId) => accountId !== '')
}

/** For `pulumi stack output`: the repository for the image, and the scheduled checks. */
export function describeChecks(config: HoldfastConfig, location: VaultLocation): Record<string, unknown> {
  const describe = ({ name, schedule, duty }: (typeof taskPlans)[number], source: string | null) => ({
    check: name,
    source,
    task: checkFamily(name, source),
    schedule,
    duty,
  })
  const scheduled = [
    ...sourcePlans.flatMap((plan) => config.sources.map(({ name }) => describe(plan, name))),
    ...[...vaultPlans, ...trailPlans].map((plan) => describe(plan, null)),
  ]
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
