// Parses the file of `--config`: the output of `pulumi stack output --json` in the vault layer's stack.
import { z } from 'zod'
import { readTextFile } from '../blast-radius/text-file.ts'
import { HoldfastError } from '../core/errors.ts'

const formatVersion = 1

const arn = z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, 'not the ARN of a role')

/** The vault layer's outputs that the commands use; we ignore its other outputs. */
const schema = z.object({
  /** Raised when the meaning of a field changes. */
  formatVersion: z.literal(formatVersion),
  layer: z.literal('vault'),
  region: z.string().min(1),
  vaultBucket: z.string().min(3).max(63),
  /** Public keys by region, DER in base64: receipts are signed with the private ones. */
  notaryPublicKeys: z.record(z.string(), z.string().regex(/^[A-Za-z0-9+/]{1,4096}={0,2}$/)).optional(),
  /** As above, of the keys with which the checks sign their reports. */
  reportPublicKeys: z.record(z.string(), z.string().regex(/^[A-Za-z0-9+/]{1,4096}={0,2}$/)).optional(),
  /** A vault in each of several regions, including the first one. Without it, only the first region has a vault. */
  regions: z
    .record(
      z.string().regex(/^[a-z0-9-]{1,40}$/, 'not the name of a region'),
      z.object({
        vaultBucket: z.string().min(3).max(63),
        /** The sources whose backups are in this bucket. */
        sources: z.array(z.string()).default([]),
      }),
    )
    .optional(),
  /** Only for a store that is not AWS: no stack writes it, users add it by hand. */
  endpoint: z.url().optional(),
  lock: z.object({ promiseDays: z.number().int().min(1) }).optional(),
  /** A human reads the vault as the restorer. */
  roles: z.object({
    restorer: arn,
    /** Checks read with it, and write their reports. */
    drill: arn.optional(),
    custodian: arn.optional(),
    notary: arn.optional(),
  }),
  /** The roles that add to the vault, by source. */
  writers: z.record(z.string(), arn),
})

export type Configuration = z.infer<typeof schema>

const writeHint =
  "write it with `pulumi stack output --json > FILE` in the vault layer's stack, or pass --bucket and --role-arn instead"

const maxConfigurationBytes = 16 * 1024 * 1024

/** @throws `not-found`, `unsupported-format`, or `invalid-input` with the field that is wrong. */
export function readConfiguration(file: string): Configuration {
  const text = readTextFile(file, {
    label: 'the configuration',
    maxBytes: maxConfigurationBytes,
    hint: writeHint,
  })
  return parseConfiguration(text, file)
}

export function parseConfiguration(text: string, name: string): Configuration {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid(name, 'it is not JSON')
  }
  refuseOtherVersion(value, name)
  if (typeof value === 'object' && value !== null && 'layer' in value && value.layer !== 'vault') {
    throw invalid(
      name,
      `it is of the layer ${JSON.stringify(value.layer)?.slice(0, 40)}, not of the vault layer`,
    )
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalid(name, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'not as expected'}`)
}

/** @throws `unsupported-format` for a version that this Holdfast doesn't read, and says which side is the older one. */
function refuseOtherVersion(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null || !('formatVersion' in value)) return
  const version = value.formatVersion
  if (version === formatVersion) return
  const isNewer = typeof version === 'number' && version > formatVersion
  throw new HoldfastError(
    'unsupported-format',
    `the configuration ${name} has ${isNewer ? 'a newer' : 'an older or unknown'} version (${JSON.stringify(version)?.slice(0, 40)}); this holdfast reads ${formatVersion}`,
    { hint: isNewer ? 'update holdfast' : writeHint },
  )
}

export interface VaultInRegion {
  bucket: string
  region: string
}

/**
 * The vault's bucket in `regionName`; without it, in the region of `source`; without both, the only bucket.
 * @throws `invalid-input`, which lists the regions, if none matches or several do.
 */
export function chooseRegion(
  { region: firstRegion, vaultBucket, regions = {} }: Configuration,
  regionName: string | undefined,
  source: string | undefined,
): VaultInRegion {
  const entries = Object.entries(regions)
  if (entries.length === 0) return { bucket: vaultBucket, region: regionName ?? firstRegion }
  const matches = entries.filter(([region, { sources }]) =>
    regionName === undefined
      ? entries.length === 1 || (source !== undefined && sources.includes(source))
      : region === regionName,
  )
  const [match] = matches
  if (match !== undefined && matches.length === 1) return { bucket: match[1].vaultBucket, region: match[0] }
  throw new HoldfastError(
    'invalid-input',
    regionName === undefined
      ? 'the vault has buckets in several regions, and no region given: pass --region'
      : `the vault has no bucket in the region ${JSON.stringify(regionName.slice(0, 40))}`,
    { hint: `pass --region with one of: ${entries.map(([region]) => region).join(', ')}` },
  )
}

function invalid(name: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the configuration ${name} is not usable: ${detail}`, {
    hint: writeHint,
  })
}
