// Rejects a configuration that would replace or abandon a vault bucket of the stack. It reads the stack's
// state before the program registers a resource. `protect` would reject the change too late, when the engine
// reaches the bucket and has already changed other resources.
import * as pulumi from '@pulumi/pulumi'
import { HoldfastError } from '../core/errors.ts'
import { bucketNamespaces, vaultBucketName } from '../guardrails/names.ts'
import type { VaultLocation } from '../guardrails/names.ts'
import { vaultResourceName } from './components/vault-bucket.ts'
import { locationsOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'

/** A function of Pulumi's own provider. It returns the resources of a stack after its last update, by URN. */
export const readStackToken = 'pulumi:pulumi:readStackResourceOutputs'

const bucketUrn = /::holdfast:vault:VaultBucket\$aws:s3\/bucket:Bucket::([\w-]+)$/

/** Bucket names by resource name. */
type VaultBuckets = ReadonlyMap<string, string>

/**
 * @throws HoldfastError `invalid-input` with the key to change, if the stack would lose or replace a vault
 * bucket.
 */
export async function assertVaultStays(config: HoldfastConfig): Promise<void> {
  const problems = findReplacements(await readVaultBuckets(), config)
  if (problems.length === 0) return
  throw new HoldfastError(
    'invalid-input',
    `nothing was changed, because the stack would replace or abandon a vault:\n${problems.join('\n')}`,
    {
      hint: 'restore the keys above, or use a new stack for another vault; `holdfast retire` explains how to give up a vault',
    },
  )
}

/** One line for each bucket. It begins with the key to change. */
function findReplacements(present: VaultBuckets, config: HoldfastConfig): string[] {
  const declared = new Map(
    config.layer === 'vault'
      ? locationsOf(config).map((location) => [vaultResourceName(location, config.region), location])
      : [],
  )
  return [...present].flatMap(([name, bucket]) => {
    if (config.layer !== 'vault')
      return [`holdfast:layer: is ${config.layer}, but this stack has the vault ${bucket}; set it to vault`]
    const location = declared.get(name)
    if (location === undefined)
      return [
        `holdfast:regions: leaves out ${name.slice('vault-'.length)}, where this stack has the vault ${bucket}; add it`,
      ]
    const declaredBucket = vaultBucketName(location)
    if (declaredBucket === bucket) return []
    return [
      `${changedKeyOf(bucket, location)}: makes the vault ${declaredBucket}, but this stack has ${bucket}; set it back`,
    ]
  })
}

function changedKeyOf(bucket: string, { accountId, region }: VaultLocation): string {
  const sameLocation = bucketNamespaces.map((namespace) => vaultBucketName({ accountId, region, namespace }))
  if (sameLocation.includes(bucket)) return 'holdfast:bucketNamespace'
  return bucket.startsWith(vaultBucketName({ accountId, region: '' }))
    ? 'holdfast:region'
    : 'holdfast:vaultAccountId'
}

async function readVaultBuckets(): Promise<VaultBuckets> {
  const stack = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join('/')
  const { outputs } = (await pulumi.runtime.invoke(readStackToken, { stackName: stack })) as {
    outputs?: Record<string, unknown>
  }
  const buckets = new Map<string, string>()
  for (const [urn, resource] of Object.entries(outputs ?? {})) {
    const name = bucketUrn.exec(urn)?.[1]
    const bucket = (resource as { outputs?: { bucket?: unknown } } | null)?.outputs?.bucket
    if (name !== undefined && typeof bucket === 'string') buckets.set(name, bucket)
  }
  return buckets
}
