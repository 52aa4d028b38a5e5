// A whole vault for a program of your own: the locked bucket, its feedback bucket, a role for each duty and each
// source, the signing keys, and the alarms on what the sources write.
import * as pulumi from '@pulumi/pulumi'
import { checkedArgs, claimName } from '../component-args.ts'
import { readConfig } from '../config-reader.ts'
import { firstLocationOf } from '../config.ts'
import type { HoldfastConfig } from '../config.ts'
import { describeVault } from '../vault-description.ts'
import { declareBuckets, declareDuties, declareRegion, declareWriters } from '../vault-parts.ts'
import type { Duty } from '../../guardrails/names.ts'
import type { StorageClass } from '../../guardrails/vault-bucket-policy.ts'

/** How a workload of production proves that it may write its source. */
export type WorkloadTrust =
  /** One role of production, by its ARN, without `*`. */
  | { awsRoleArn: string }
  /** A workload outside AWS, with a token of its platform. */
  | { oidc: { issuer: string; audience: string; subject: string } }
  /** A machine outside AWS, with a certificate of this authority (PEM) and this common name. */
  | { rolesAnywhere: { certificateAuthorityPem: string; commonName: string } }

/** One thing that is backed up, and the workload that may do it. */
export interface VaultSource {
  /**
   * Lower-case letters, digits and hyphens, at most 48. It becomes a prefix of the bucket and part of a role's
   * name.
   */
  name: string
  trust: WorkloadTrust
  /**
   * Limits for one day. An alarm fires above them, and no write is stopped. Default: 1024 GiB and 100,000 objects.
   */
  budget?: { gibPerDay?: number; objectsPerDay?: number }
}

/** Plain values, because the program validates them, and derives each name, before it declares a resource. */
export interface VaultArgs {
  /** The account that holds the vault, in twelve digits. The component's provider has to be of this account. */
  vaultAccountId: string
  /**
   * The account whose workloads back up here. It has to be another account, because its owner could close its own.
   * Default: none, because production is not in AWS.
   */
  productionAccountId?: string
  /** Region of the vault, e.g. `eu-central-1`. The component's provider has to be of this region. */
  region: string
  sources: VaultSource[]
  /** ARNs of roles or users of the vault's account that may restore, with a second factor. */
  restorers: string[]
  /** ARNs of roles or users of the vault's account that may assume notary, custodian and drill. Default: none. */
  runners?: string[]
  /** Addresses that hear the alarms. Needed: one here or in `alarmWebhooks`. */
  alarmEmails?: string[]
  /** https URLs that hear the alarms. */
  alarmWebhooks?: string[]
  /** Domains whose mail or DNS production runs: an alarm address there is refused. Default: `none`. */
  productionDomains?: string[]
  /** Minimum days for which every recovery point is kept. Default: 30. */
  promiseDays?: number
  /** Days for which new snapshots reuse a chunk before it is uploaded again. Default: 10. */
  generationDays?: number
  /** Maximum days from now to which the custodian may extend a lock. Default: 400. */
  retentionCapDays?: number
  /**
   * Empty (default): locks are in GOVERNANCE. `lock BUCKET in COMPLIANCE for DAYS days`: no principal can undo a
   * lock, AWS included.
   */
  arm?: string
  /** Storage classes that an upload may name. Default: `STANDARD` alone. */
  storageClasses?: StorageClass[]
  /**
   * `account-regional` (default): no other account can take the buckets' names. `global`: for Bahrain and the UAE,
   * and for a vault that has such names already.
   */
  bucketNamespace?: 'account-regional' | 'global'
  /**
   * True if a control policy of the organization freezes the vault's settings (Holdfast's organization layer
   * deploys it). False (default): the bucket's own policy freezes them. Only the root user of the account can lift
   * that one.
   */
  frozenByOrganization?: boolean
}

/**
 * An immutable backup vault in an account of its own. Production's principals can add to it, and can't read, list,
 * hide, alter or delete what is there. Everything is protected: `pulumi destroy` refuses.
 *
 * One vault for each account of a stack. Names follow from the arguments alone.
 */
export class Vault extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>
  readonly feedbackBucketName: pulumi.Output<string>
  readonly alarmTopicArn: pulumi.Output<string>
  /** The roles that back up, by the names of the sources. */
  readonly writerRoleArns: Readonly<Record<string, pulumi.Output<string>>>
  /** The roles that read, attest, prune and test. */
  readonly roleArns: Readonly<Record<Duty, pulumi.Output<string>>>
  /** The input of `holdfast --config FILE`. Put it out as JSON. */
  readonly configuration: Readonly<Record<string, unknown>>

  constructor(name: string, args: VaultArgs, options: pulumi.ComponentResourceOptions = {}) {
    const component = `Vault ${name}`
    const config = checkedArgs(component, () => {
      const read = readArgs(args)
      claimName('vaultAccountId', read.vaultAccountId, component)
      return read
    })
    super('holdfast:vault:Vault', name, {}, options)
    const location = firstLocationOf(config)
    const { vault, feedback, guards } = declareBuckets(config, location, { parent: this, protect: true })
    const owner = { parent: this, protect: true, dependsOn: guards }
    const duties = declareDuties(config, [location], owner)
    const { alarms } = declareRegion(config, location, owner)
    const writers = declareWriters(config, owner)
    this.bucketName = vault.bucket.bucket
    this.feedbackBucketName = feedback.bucket.bucket
    this.alarmTopicArn = alarms.topic.arn
    this.roleArns = arnsOf(duties)
    this.writerRoleArns = arnsOf(
      Object.fromEntries(Object.entries(writers).map(([source, { scoped }]) => [source, scoped])),
    )
    this.configuration = describeVault(config, location)
    this.registerOutputs({ bucketName: this.bucketName })
  }
}

/** The arguments as a configuration of the vault layer, whose schema and conflicts apply to them too. */
function readArgs({ frozenByOrganization = false, ...args }: VaultArgs): HoldfastConfig {
  const config = readConfig(
    {
      bucketNamespace: 'account-regional',
      productionDomains: ['none'],
      ...args,
      layer: 'vault',
      detached: true,
    },
    0,
  )
  return { ...config, detached: !frozenByOrganization }
}

function arnsOf<Name extends string>(
  roles: Readonly<Record<Name, { role: { arn: pulumi.Output<string> } }>>,
): Record<Name, pulumi.Output<string>> {
  return Object.fromEntries(
    Object.entries<{ role: { arn: pulumi.Output<string> } }>(roles).map(([name, { role }]) => [
      name,
      role.arn,
    ]),
  ) as Record<Name, pulumi.Output<string>>
}
