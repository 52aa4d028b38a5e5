// Validates the configuration before the program declares any resource: single values first, then values that
// contradict.
import type { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { vaultBucketName } from '../guardrails/names.ts'
import { findConflicts } from './config-conflicts.ts'
import { armingPhrase, configKeys, configSchema, firstLocationOf } from './config.ts'
import type { HoldfastConfig } from './config.ts'

/**
 * Validates the values of `pulumi config` and fills in the defaults.
 * @throws HoldfastError `invalid-input` with one line for each invalid key, which says what to set.
 */
export function readConfig(raw: Record<string, unknown>, nowMs: number): HoldfastConfig {
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success) throw refuse(parsed.error.issues.flatMap(describeIssue))
  const { arm, ...config } = parsed.data
  const retentionDays = config.promiseDays + config.generationDays
  const conflicts = findConflicts({ ...config, retentionDays }, nowMs)
  const phrase = armingPhrase(vaultBucketName(firstLocationOf(config)), retentionDays)
  if (arm !== '' && arm !== phrase)
    conflicts.push(`holdfast:arm: must read exactly ${JSON.stringify(phrase)}, or be empty`)
  if (config.native.length > 0 && arm === '')
    conflicts.push(
      `holdfast:native: AWS locks each copy in COMPLIANCE from the first one on, so arm the vault before (holdfast:arm)`,
    )
  if (conflicts.length > 0) throw refuse(conflicts)
  return { ...config, retentionDays, lockMode: arm === '' ? 'GOVERNANCE' : 'COMPLIANCE' }
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const describe = (parts: readonly PropertyKey[]) =>
    `holdfast:${parts.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`)).join('')}`
  if (issue.code !== 'unrecognized_keys') return [`${describe(issue.path)}: ${issue.message}`]
  return issue.keys.map((unknownKey) => {
    const key = describe([...issue.path, unknownKey])
    const removal = `\`pulumi config rm ${issue.path.length === 0 ? '' : '--path '}'${key}'\``
    const similar = issue.path.length === 0 ? findSimilarKey(unknownKey) : null
    return `${key}: is no key of this program${similar === null ? '' : `; holdfast:${similar} is`}; remove it with ${removal}`
  })
}

/** The key that differs in the fewest letters, if the difference looks like a typing error. */
function findSimilarKey(unknownKey: string): string | null {
  const [nearest] = configKeys
    .map((key) => ({ key, distance: countEdits(unknownKey.slice(0, 64).toLowerCase(), key.toLowerCase()) }))
    .sort((first, second) => first.distance - second.distance)
  return nearest !== undefined && nearest.distance <= Math.max(1, unknownKey.length / 3) ? nearest.key : null
}

/** How many letters have to be added, removed or changed (Levenshtein). */
function countEdits(first: string, second: string): number {
  let previousRow = Array.from({ length: second.length + 1 }, (_, index) => index)
  for (const [row, letter] of [...first].entries()) {
    const currentRow = [row + 1]
    for (const [column, expected] of [...second].entries())
      currentRow.push(
        Math.min(
          previousRow[column]! + (letter === expected ? 0 : 1),
          previousRow[column + 1]! + 1,
          currentRow[column]! + 1,
        ),
      )
    previousRow = currentRow
  }
  return previousRow[second.length]!
}

function refuse(problems: string[]): HoldfastError {
  const first = problems[0]!.split(':').slice(0, 2).join(':')
  // A mistyped key can't be corrected by setting it.
  const command = problems.every((problem) => problem.includes('`pulumi config rm'))
    ? 'remove the listed keys with `pulumi config rm`'
    : 'correct the listed keys with `pulumi config set`'
  return new HoldfastError(
    'invalid-input',
    `the configuration is invalid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      hint: `${command}, beginning with ${first}; nothing was changed`,
      context: { problems },
    },
  )
}
