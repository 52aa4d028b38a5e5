// Parses the file of `--brakes`: the safeguards that an account has in place, because policies do not show
// them. It can be the output of the production layer's stack, so we ignore the other fields.
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { recoveries } from '../guardrails/recovery.ts'
import { parseJsonFile } from './json-file.ts'

const schema = z.object({
  /** Raised when the meaning of a field changes. */
  formatVersion: z.literal(1),
  /**
   * A safeguard against the action (of the catalogue) is in place on everything that the action could hit.
   */
  brakes: z.record(
    z.string(),
    z.strictObject({
      /** How long lost data is kept, if the safeguard is a delay. */
      days: z.number().int().min(1).max(365).optional(),
      /**
       * No identity of the account can remove it: a locked Recycle Bin rule, COMPLIANCE, a vault lock past
       * its grace time.
       */
      locked: z.boolean().optional(),
    }),
  ),
})

export type StatedSafeguards = z.infer<typeof schema>['brakes']

/** @throws `not-found`, or `invalid-input` with the field that is wrong. */
export function readStatedSafeguards(file: string): StatedSafeguards {
  const parsed = schema.safeParse(parseJsonFile(file, 'the file of --brakes'))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw invalid(file, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'not as expected'}`)
  }
  for (const [action, { days }] of Object.entries(parsed.data.brakes)) {
    const recovery = Object.hasOwn(recoveries, action) ? recoveries[action]! : null
    if (recovery === null)
      throw invalid(file, `AWS offers no safeguard against ${JSON.stringify(action.slice(0, 80))}`)
    if (days !== undefined && recovery.days === null)
      throw invalid(file, `the safeguard against ${action} has no days`)
    if (days !== undefined && (days < recovery.days![0] || days > recovery.days![1])) {
      throw invalid(file, `the safeguard against ${action} can have ${recovery.days!.join(' to ')} days`)
    }
  }
  return parsed.data.brakes
}

function invalid(file: string, detail: string): HoldfastError {
  return new HoldfastError('invalid-input', `the file ${file} of --brakes can't be used: ${detail}`, {
    hint: 'pass the output of `pulumi stack output --json` in the production layer\'s stack, or write {"formatVersion": 1, "brakes": {"ec2:DeleteVolume": {"days": 7, "locked": true}}}',
  })
}
