// Facts of the accounts that would undo Holdfast's guards: delegated administrators, other control policies, and DNS
// zones under the addresses of on-call. The program reads and refuses them before it declares a resource.
import * as aws from '@pulumi/aws'
import { HoldfastError } from '../core/errors.ts'
import { organizationPolicyTypes } from '../guardrails/policy.ts'
import { alarmAddresses, isBelowDomain } from './alarm-addresses.ts'
import type { HoldfastConfig } from './config.ts'

type Reader = { provider: aws.Provider }

/** One account with thousands of zones would slow a deployment down. */
const maxZones = 500

/**
 * @param plannedPolicies how many control policies the program attaches to each account, by the key that names the
 * account
 * @throws HoldfastError `invalid-input` if the organization doesn't take a type of policy, if production administers
 * it, or if a quota has no room.
 */
export async function assertOrganizationFits(
  config: HoldfastConfig,
  plannedPolicies: Readonly<Record<'vaultAccountId' | 'productionAccountId', number>>,
  reader: Reader,
): Promise<void> {
  const problems = [...(await findDisabledTypes(reader)), ...(await findDelegations(config, reader))]
  for (const key of ['vaultAccountId', 'productionAccountId'] as const)
    if (config[key] !== '')
      problems.push(...(await findPolicyQuotaProblems(config, key, plannedPolicies[key], reader)))
  refuse(problems)
}

/** AWS would refuse the first policy of a type that isn't enabled, halfway through a deployment. */
async function findDisabledTypes(reader: Reader): Promise<string[]> {
  const { roots } = await aws.organizations.getOrganization({}, reader)
  const enabled = roots.flatMap((root) => root.policyTypes).filter(({ status }) => status === 'ENABLED')
  return organizationPolicyTypes
    .filter((policyType) => !enabled.some(({ type }) => type === policyType))
    .map(
      (policyType) =>
        `holdfast:organizationId: the organization doesn't take policies of the type ${policyType}; ` +
        `enable it with \`aws organizations enable-policy-type --root-id ${roots[0]?.id ?? 'r-…'} --policy-type ${policyType}\``,
    )
}

async function findDelegations({ productionAccountId }: HoldfastConfig, reader: Reader): Promise<string[]> {
  const { delegatedAdministrators } = await aws.organizations.getDelegatedAdministrators({}, reader)
  // Agents have their roles in this account, so it is theirs too.
  if (!delegatedAdministrators.some(({ id }) => id === productionAccountId)) return []
  const { delegatedServices } = await aws.organizations.getDelegatedServices(
    { accountId: productionAccountId },
    reader,
  )
  const services = delegatedServices.map(({ servicePrincipal }) => servicePrincipal).sort()
  return [
    `holdfast:productionAccountId: ${productionAccountId} is the organization's delegated administrator for ${services.join(', ')}, ` +
      'so production and its agents could act on the vault account; take the role from it with ' +
      '`aws organizations deregister-delegated-administrator`, and give it to an account that runs nothing else',
  ]
}

async function findPolicyQuotaProblems(
  config: HoldfastConfig,
  key: 'vaultAccountId' | 'productionAccountId',
  planned: number,
  reader: Reader,
): Promise<string[]> {
  const targetId = config[key]
  // AWS raised both quotas of control policies at once: characters and number.
  const quota = config.controlPolicyChars === 10_240 ? 10 : 5
  const { ids } = await aws.organizations.getPoliciesForTarget(
    { targetId, filter: 'SERVICE_CONTROL_POLICY' },
    reader,
  )
  const names = await Promise.all(
    ids.map(async (policyId) => (await aws.organizations.getPolicy({ policyId }, reader)).name),
  )
  const foreignPolicies = names.filter((name) => !name.startsWith('holdfast-')).sort()
  if (foreignPolicies.length + planned <= quota) return []
  return [
    `holdfast:${key}: ${targetId} has ${foreignPolicies.length} other control policies (${foreignPolicies.join(', ')}), and with Holdfast's ${planned} ` +
      `it would have more than AWS's ${quota}; detach ${foreignPolicies.length + planned - quota} of them, or attach them to a unit above`,
  ]
}

/**
 * AWS's newer regions are off until an account enables them, and a provider that is bound to one that is off fails
 * halfway through a deployment.
 * @param accountKey the key that names the account
 * @param regionKeys the keys under which the layer has regions of that account
 * @throws HoldfastError `invalid-input` for a region that the account has not enabled
 */
export async function assertRegionsEnabled(
  config: HoldfastConfig,
  accountKey: 'vaultAccountId' | 'productionAccountId',
  regionKeys: readonly ('regions' | 'alarmRegions')[],
  reader: Reader,
): Promise<void> {
  // Without arguments AWS lists the regions that are enabled for the account.
  const enabled = new Set((await aws.getRegions({}, reader)).names)
  const accountId = config[accountKey]
  refuse(
    regionKeys.flatMap((key) =>
      config[key]
        .filter((region) => !enabled.has(region))
        .map(
          (region) =>
            `holdfast:${key}: ${region} is not enabled in the account ${accountId} (holdfast:${accountKey}); enable it with ` +
            `\`aws account enable-region --region-name ${region}\` in that account, or leave it out`,
        ),
    ),
  )
}

/** @throws HoldfastError `invalid-input` if production's account holds the DNS zone of an address of on-call. */
export async function assertAlarmsOutsideProduction(config: HoldfastConfig, reader: Reader): Promise<void> {
  const addresses = alarmAddresses(config)
  if (addresses.length === 0) return
  const { ids } = await aws.route53.getZones(reader)
  const zones = await Promise.all(
    ids.slice(0, maxZones).map((zoneId) => aws.route53.getZone({ zoneId }, reader)),
  )
  refuse(
    zones
      .filter(({ privateZone }) => privateZone !== true)
      .map(({ name }) => name.replace(/\.$/, ''))
      .flatMap((zone) =>
        addresses
          .filter(({ host }) => isBelowDomain(host, zone))
          .map(
            ({ key, address }) =>
              `holdfast:${key}: the production account holds the DNS zone ${zone} of ${address}; name an address whose DNS production can't change`,
          ),
      ),
  )
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new HoldfastError(
    'invalid-input',
    `nothing was changed, because of what the accounts already have:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    { hint: 'change what each line names, and deploy again', context: { problems } },
  )
}
