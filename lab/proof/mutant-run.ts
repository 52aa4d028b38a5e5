// Runs the mutants against the proofs. Each mutant must change a result or a setting, or be on the list of redundant
// guards.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { createAuthorizer } from '../sandbox/authorization/authorizer.ts'
import { mutantsOf } from './mutants.ts'
import type { Mutant, Touch } from './mutants.ts'
import { answerRow } from './proof.ts'
import type { Proof } from './proof.ts'
import type { ProvenRow } from './proof-row.ts'
import { examineSettings } from './settings.ts'

const survivorTable = z.array(z.strictObject({ mutant: z.string(), reason: z.string().min(20) }))

export type Survivor = z.infer<typeof survivorTable>[number]

/** Mutants that may survive, with the reason. In the pattern `*` matches any text. */
export const expectedSurvivors: readonly Survivor[] = survivorTable.parse(
  JSON.parse(readFileSync(new URL('survivors.json', import.meta.url), 'utf8')),
)

export interface MutantResult {
  id: string
  /** The row or setting that noticed the mutant; null if none did. */
  killedBy: string | null
}

export interface MutantVerdict {
  results: MutantResult[]
  /** Survivors without an entry in the list. */
  unexpected: string[]
  /** Survivors with an entry in the list. */
  accounted: { id: string; reason: string }[]
  /** Entries that match no survivor: the reason no longer holds, or the name is wrong. */
  stale: string[]
}

/** One proof that notices a mutant kills it: the proof with an Organization, or the one without. */
export async function runMutants(
  proofs: readonly Proof[],
  onProgress: (count: number) => void = () => undefined,
): Promise<MutantResult[]> {
  const results = new Map<string, MutantResult>()
  let count = 0
  for (const proof of proofs) {
    const examine = mutantExaminer(proof)
    for (const mutant of mutantsOf(proof.declaration, proof.resources, proof.nowMs)) {
      const earlier = results.get(mutant.id)
      if (earlier === undefined || earlier.killedBy === null)
        results.set(mutant.id, { id: mutant.id, killedBy: await examine(mutant) })
      onProgress(++count)
    }
  }
  return [...results.values()]
}

export interface JudgeOptions {
  expected?: readonly Survivor[]
  /** Whether the configuration uses every part of the program: with fewer parts, fewer guards are redundant. */
  isWhole?: boolean
}

export function judgeMutants(
  results: readonly MutantResult[],
  { expected = expectedSurvivors, isWhole = true }: JudgeOptions = {},
): MutantVerdict {
  const alive = results.filter(({ killedBy }) => killedBy === null).map(({ id }) => id)
  const matches = (pattern: string, id: string) =>
    new RegExp(
      `^${pattern
        .split('*')
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    ).test(id)
  const accounted = alive.flatMap((id) => {
    const survivor = expected.find(({ mutant }) => matches(mutant, id))
    return survivor === undefined ? [] : [{ id, reason: survivor.reason }]
  })
  return {
    results: [...results],
    unexpected: alive.filter((id) => !accounted.some((survivor) => survivor.id === id)),
    accounted,
    stale: !isWhole
      ? []
      : expected.filter(({ mutant }) => !alive.some((id) => matches(mutant, id))).map(({ mutant }) => mutant),
  }
}

function mutantExaminer(proof: Proof): (mutant: Mutant) => Promise<string | null> {
  // A setting that is broken without a mutant can't notice one.
  const brokenBefore = new Set(proof.settings.filter(({ holds }) => !holds).map(({ name }) => name))
  const broken = (mutant: Mutant) =>
    examineSettings(mutant.declaration, mutant.resources, proof.config).find(
      ({ name, holds }) => !holds && !brokenBefore.has(name),
    )
  return async (mutant) => {
    const setting = broken(mutant)
    if (setting !== undefined) return setting.name
    if (mutant.touches === null) return null
    const { touches } = mutant
    const rows = proof.rows.filter((row) => isInPlay(touches, row) && canChange(touches, row))
    if (rows.length === 0) return null
    const authorizer = await createAuthorizer(mutant.declaration, {
      nowMs: () => proof.nowMs,
      region: proof.config.region,
    })
    for (const row of rows) {
      const answer = await answerRow(
        authorizer,
        row.resourcePolicy === touches.site.document ? { ...row, resourcePolicy: touches.to } : row,
      )
      if (answer.allowed !== row.answer.allowed)
        return `${row.who}: ${row.actions.join(' + ')} ${row.resource}${row.circumstance === '' ? '' : ` (${row.circumstance})`}`
    }
    return null
  }
}

function isInPlay(
  { site }: Touch,
  { principal, resource, resourceAccountId, resourcePolicy }: ProvenRow,
): boolean {
  const bucket = /^arn:aws:s3:::([^/]+)/.exec(resource)?.[1]
  return (
    site.roles.has(principal.session?.roleArn ?? '') ||
    site.resources.has(resource) ||
    site.resources.has(bucket ?? '') ||
    resourcePolicy === site.document ||
    site.principalAccounts.has(principal.accountId ?? '') ||
    site.resourceAccounts.has(resourceAccountId)
  )
}

/**
 * Whether the mutant can change the result of the row; the other rows need no second evaluation. A removed deny can
 * free only the requests that it decided, because a decision names the first deny that matches. A removed allow or a
 * wider deny can change only allowed requests. A wider allow can change only requests without a deny.
 */
function canChange({ sid, effect, removed }: Touch, { answer }: ProvenRow): boolean {
  if (removed === 'statement')
    return effect === 'Deny' ? !answer.allowed && answer.statement?.sid === sid : answer.allowed
  return effect === 'Deny' ? answer.allowed : answer.result.startsWith('implicit-deny')
}
