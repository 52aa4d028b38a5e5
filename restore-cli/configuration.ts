// The file given with --config: what `pulumi stack output --json` prints, which names the vault and its roles.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'

const arn = z.string().regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, 'not the ARN of a role')

/** What the vault layer's stack says of itself; other outputs may stand beside these, and are ignored. */
const schema = z.object({
  /** Raised when the meaning of a field changes. */
  formatVersion: z.literal(1),
  layer: z.literal('vault'),
  region: z.string().min(1),
  vaultBucket: z.string().min(3).max(63),
  /** A vault of its own in each of several regions, the first among them; left out, there is only the first. */
  regions: z
    .record(
      z.string().regex(/^[a-z0-9-]{1,40}$/, 'not the name of a region'),
      z.object({
        vaultBucket: z.string().min(3).max(63),
        /** Whose backups lie there. */
        sources: z.array(z.string()).default([]),
      }),
    )
    .optional(),
  /** Only for a store that is not AWS's: no stack has it, it is added by hand. */
  endpoint: z.url().optional(),
  lock: z.object({ promiseDays: z.number().int().min(1) }).optional(),
  /** The role that reads the vault, for a human. */
  roles: z.object({ restorer: arn }),
  /** The role that adds to it, by source. */
  writers: z.record(z.string(), arn),
})

export type Configuration = z.infer<typeof schema>

/** @throws `not-found`, or `invalid-input` with the field that is wrong. */
export function readConfiguration(file: string): Configuration {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new HoldfastError(
      'not-found',
      `the configuration ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      {
        hint: "write it with `pulumi stack output --json > FILE` in the vault layer's stack, or pass --bucket and --role-arn instead",
        cause: error,
      },
    )
  }
  return parseConfiguration(text, file)
}

export function parseConfiguration(text: string, name: string): Configuration {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid(name, 'it is not JSON')
  }
  if (typeof value === 'object' && value !== null && 'formatVersion' in value && value.formatVersion !== 1) {
    throw new HoldfastError(
      'unsupported-format',
      `the configuration ${name} has a version that is not known`,
      { hint: 'update holdfast' },
    )
  }
  if (typeof value === 'object' && value !== null && 'layer' in value && value.layer !== 'vault') {
    throw invalid(
      name,
      `it is of the layer ${JSON.stringify(value.layer)?.slice(0, 40)}, and the vault's is needed`,
    )
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalid(name, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'not as expected'}`)
}

interface VaultInRegion {
  bucket: string
  region: string
}

/**
 * The vault's bucket in the region that is named; in none, that of the source; without either, the only one.
 * @throws `invalid-input`, which names the regions, if there is none in that region, or several to choose from.
 */
export function chooseRegion(
  { region: first, vaultBucket, regions = {} }: Configuration,
  named: string | undefined,
  source: string | undefined,
): VaultInRegion {
  const all = Object.entries(regions)
  if (all.length === 0) return { bucket: vaultBucket, region: named ?? first }
  const hint = `pass --region with one of: ${all.map(([each]) => each).join(', ')}`
  const chosen = all.filter(([region, { sources }]) =>
    named === undefined
      ? all.length === 1 || (source !== undefined && sources.includes(source))
      : region === named,
  )
  const [only] = chosen
  if (only !== undefined && chosen.length === 1) return { bucket: only[1].vaultBucket, region: only[0] }
  throw named === undefined
    ? new HoldfastError(
        'invalid-input',
        'the vault has buckets in several regions, and which one is meant is not said',
        { hint },
      )
    : new HoldfastError(
        'invalid-input',
        `the vault has no bucket in the region ${JSON.stringify(named.slice(0, 40))}`,
        { hint },
      )
}

function invalid(name: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the configuration ${name} is not usable: ${detail}`, {
    hint: "write it with `pulumi stack output --json > FILE` in the vault layer's stack, or pass --bucket and --role-arn instead",
  })
}
