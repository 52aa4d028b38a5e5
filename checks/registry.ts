// Every check, in the order in which a run asks them. docs/checks.md is drawn from this list.
import { HoldfastError } from '../core/errors.ts'
import type { Check } from './check.ts'
import { alarmPath } from './checks/alarm-path.ts'
import { changeRate, entropy, flood, shrinkage } from './checks/behaviour.ts'
import { configuration } from './checks/configuration.ts'
import { cost } from './checks/cost.ts'
import { expiry } from './checks/expiry.ts'
import { freshness } from './checks/freshness.ts'
import { highWater } from './checks/high-water.ts'
import { integrity } from './checks/integrity.ts'
import { lock } from './checks/lock.ts'
import { tamper } from './checks/tamper.ts'
import { wal } from './checks/wal.ts'

/** The cost comes last, because it counts the requests of the others. */
export const checks: readonly Check[] = [
  freshness,
  wal,
  integrity,
  tamper,
  highWater,
  lock,
  configuration,
  expiry,
  shrinkage,
  changeRate,
  entropy,
  flood,
  alarmPath,
  cost,
]

/**
 * The checks with these ids, in the order of the registry; all for an empty list.
 * @throws `invalid-input` for an unknown id.
 */
export function selectChecks(ids: readonly string[]): readonly Check[] {
  const unknown = ids.find((id) => !checks.some((check) => check.id === id))
  if (unknown !== undefined)
    throw new HoldfastError('invalid-input', `there is no check ${JSON.stringify(unknown.slice(0, 40))}`, {
      hint: `choose from: ${checks.map(({ id }) => id).join(', ')}`,
    })
  return ids.length === 0 ? checks : checks.filter(({ id }) => ids.includes(id))
}
