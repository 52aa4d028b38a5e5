// Parses the `--config` file of the production layer: the roles for agents, and the humans who may break the glass.
import { z } from 'zod'
import { parseJsonFile } from '../blast-radius/json-file.ts'
import { HoldfastError } from '../core/errors.ts'

const schema = z.object({
  /** Raised when the meaning of a field changes. */
  formatVersion: z.literal(1),
  layer: z.literal('production'),
  agents: z.record(
    z.string(),
    z.object({ roleArn: z.string(), sessionSeconds: z.number().int().min(900).max(3600).optional() }),
  ),
  breakGlass: z.string().nullable().default(null),
  /** Null if break-glass needs no approval. */
  approval: z.object({ policyArn: z.string() }).nullable().default(null),
})

export type ProductionConfiguration = z.infer<typeof schema>

const writeHint = "write it with `pulumi stack output --json > FILE` in the production layer's stack"

/** @throws `not-found`, or `invalid-input` for any other file than the output of the production layer's stack. */
export function readProductionConfiguration(file: string): ProductionConfiguration {
  const parsed = schema.safeParse(parseJsonFile(file, 'the configuration'))
  if (parsed.success) return parsed.data
  throw new HoldfastError('invalid-input', `${file} is not the output of the production layer's stack`, {
    hint: writeHint,
  })
}
