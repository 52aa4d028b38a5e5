// Refuses a configuration under which a bucket of the vault, as the stack has it, would be replaced or given up. It reads the
// stack's own state, before anything is registered: `protect` refuses as well, but only once the engine comes to the bucket.
import * as pulumi from '@pulumi/pulumi'
import { HoldfastError } from '../core/errors.ts'
import { vaultBucketName } from '../guardrails/names.ts'
import { vaultResourceName } from './components/vault-bucket.ts'
import { locationsOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'

/** Of Pulumi's own provider: the resources of a stack as its last update left them, by URN. */
export const readStackToken = 'pulumi:pulumi:readStackResourceOutputs'

const bucketUrn = /::holdfast:vault:VaultBucket\$aws:s3\/bucket:Bucket::([\w-]+)$/

/** Names of the vault's buckets by their resource's name. */
type VaultBuckets = ReadonlyMap<string, string>

/** @throws `invalid-input` with the key to change, if a bucket that is there would go or be replaced. */
export async function assertVaultStays(config: HoldfastConfig): Promise<void> {
  const problems = findReplacements(await readVaultBuckets(), config)
  if (problems.length === 0) return
  throw new HoldfastError(
    'invalid-input',
    `nothing was touched, for a vault would be replaced or given up:\n${problems.join('\n')}`,
    {
      hint: 'change the keys named above back, or make a stack of its own for another vault; `holdfast retire` says how one is given up',
    },
  )
}

/** One line for each bucket, beginning with the key to change. */
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
    const isOfAccount = bucket.startsWith(vaultBucketName({ ...location, region: '' }))
    return [
      `${isOfAccount ? 'holdfast:region' : 'holdfast:vaultAccountId'}: makes the vault ${declaredBucket}, but this stack has ${bucket}; set it back`,
    ]
  })
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
