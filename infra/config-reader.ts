// Validates the configuration before the program declares any resource: single values first, then values that
// contradict.
import { HoldfastError } from '../core/errors.ts'
import { vaultBucketName } from '../guardrails/names.ts'
import { findConflicts } from './config-conflicts.ts'
import { armingPhrase, configSchema } from './config.ts'
import type { HoldfastConfig } from './config.ts'

/**
 * Validates the values of `pulumi config` and fills in the defaults.
 * @throws HoldfastError `invalid-input` with one line for each invalid key, which says what to set.
 */
export function readConfig(raw: Record<string, unknown>, nowMs: number): HoldfastConfig {
  const parsed = configSchema.safeParse(raw)
  if (!parsed.success)
    throw refuse(parsed.error.issues.map((issue) => `${keyOf(issue.path, issue)}: ${issue.message}`))
  const { arm, ...config } = parsed.data
  const retentionDays = config.promiseDays + config.generationDays
  const conflicts = findConflicts({ ...config, retentionDays }, nowMs)
  const phrase = armingPhrase(
    vaultBucketName({ accountId: config.vaultAccountId, region: config.region }),
    retentionDays,
  )
  if (arm !== '' && arm !== phrase)
    conflicts.push(`holdfast:arm: must read exactly ${JSON.stringify(phrase)}, or be empty`)
  if (conflicts.length > 0) throw refuse(conflicts)
  return { ...config, retentionDays, lockMode: arm === '' ? 'GOVERNANCE' : 'COMPLIANCE' }
}

function keyOf(path: readonly PropertyKey[], issue: { code: string }): string {
  const unknown = issue.code === 'unrecognized_keys' && 'keys' in issue ? (issue.keys as string[]) : []
  const parts = path.length > 0 ? path : unknown
  return `holdfast:${parts.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`)).join('')}`
}

function refuse(problems: string[]): HoldfastError {
  const first = problems[0]!.split(':').slice(0, 2).join(':')
  return new HoldfastError(
    'invalid-input',
    `the configuration is invalid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      hint: `correct the listed keys with \`pulumi config set\`, beginning with ${first}; nothing was changed`,
      context: { problems },
    },
  )
}
