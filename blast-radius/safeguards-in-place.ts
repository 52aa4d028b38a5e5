// The file given with --brakes: which brakes an account really has, which no policy tells. The production layer's stack puts
// out what it has set up, among other things, so others beside the brakes are ignored.
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { recoveries } from '../guardrails/recovery.ts'
import { parseJsonFile } from './json-file.ts'

const schema = z.object({
  /** Raised when the meaning of a field changes. */
  formatVersion: z.literal(1),
  /** By action of the catalogue: the brake against it is in place, on everything that the action could hit. */
  brakes: z.record(
    z.string(),
    z.strictObject({
      /** How long what is lost is kept, where the brake is a delay. */
      days: z.number().int().min(1).max(365).optional(),
      /** Nobody in the account can take it off: a locked Recycle Bin rule, COMPLIANCE, a vault lock past its grace time. */
      locked: z.boolean().optional(),
    }),
  ),
})

export type BrakesInPlace = z.infer<typeof schema>['brakes']

/** @throws `not-found`, or `invalid-input` with what is wrong. */
export function readBrakes(file: string): BrakesInPlace {
  const parsed = schema.safeParse(parseJsonFile(file, 'the brakes'))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw invalid(file, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'not as expected'}`)
  }
  for (const [action, { days }] of Object.entries(parsed.data.brakes)) {
    const recovery = Object.hasOwn(recoveries, action) ? recoveries[action]! : null
    if (recovery === null)
      throw invalid(file, `there is no brake against ${JSON.stringify(action.slice(0, 80))}`)
    if (days !== undefined && recovery.days === null)
      throw invalid(file, `the brake against ${action} has no days`)
    if (days !== undefined && (days < recovery.days![0] || days > recovery.days![1])) {
      throw invalid(file, `the brake against ${action} can have ${recovery.days!.join(' to ')} days`)
    }
  }
  return parsed.data.brakes
}

function invalid(file: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the brakes ${file} can't be used: ${detail}`, {
    hint: 'take what `pulumi stack output --json` prints in the production layer\'s stack, or write {"formatVersion": 1, "brakes": {"ec2:DeleteVolume": {"days": 7, "locked": true}}}',
  })
}
