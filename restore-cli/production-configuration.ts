// The production layer's file given with --config: which roles there are for agents, and for the humans who look after them.
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { parseJsonFile } from '../blast-radius/json-file.ts'

const schema = z.object({
  /** Raised when the meaning of a field changes. */
  formatVersion: z.literal(1),
  layer: z.literal('production'),
  agents: z.record(
    z.string(),
    z.object({ roleArn: z.string(), sessionSeconds: z.number().int().min(900).max(3600).optional() }),
  ),
  breakGlass: z.string().nullable().default(null),
  /** Null if no approval is asked for. */
  approval: z.object({ policyArn: z.string() }).nullable().default(null),
})

export type ProductionConfiguration = z.infer<typeof schema>

/** @throws `not-found`, or `invalid-input` for anything but what the production layer's stack puts out. */
export function readProductionConfiguration(file: string): ProductionConfiguration {
  const parsed = schema.safeParse(parseJsonFile(file, 'the configuration'))
  if (parsed.success) return parsed.data
  throw new HoldfastError('invalid-input', `${file} is not what the production layer's stack puts out`, {
    hint: "write it with `pulumi stack output --json > FILE` in the production layer's stack",
  })
}
