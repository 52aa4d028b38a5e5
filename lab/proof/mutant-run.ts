// Runs the mutants against the proofs: each has to change an answer or a setting, or be on the list of what is there twice.
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

/** Mutants that may live, by a pattern in which `*` stands for anything, and why. */
export const expectedSurvivors: readonly Survivor[] = survivorTable.parse(
  JSON.parse(readFileSync(new URL('survivors.json', import.meta.url), 'utf8')),
)

export interface MutantResult {
  id: string
  /** What noticed; null if nothing did. */
  killedBy: string | null
}

export interface MutantVerdict {
  results: MutantResult[]
  /** Lives, and nobody said that it may. */
  unexpected: string[]
  /** Listed with a reason, and alive. */
  accounted: { id: string; reason: string }[]
  /** Listed, but nothing of the name lives: the reason no longer holds, or the name is wrong. */
  stale: string[]
}

/** A mutant is dead if one of the proofs notices it: with an Organization, or without. */
export async function runMutants(
  proofs: readonly Proof[],
  onProgress: (done: number) => void = () => undefined,
): Promise<MutantResult[]> {
  const results = new Map<string, MutantResult>()
  let done = 0
  for (const proof of proofs) {
    const examine = mutantExaminer(proof)
    for (const mutant of mutantsOf(proof.declaration, proof.resources, proof.nowMs)) {
      const known = results.get(mutant.id)
      if (known === undefined || known.killedBy === null)
        results.set(mutant.id, { id: mutant.id, killedBy: await examine(mutant) })
      onProgress(++done)
    }
  }
  return [...results.values()]
}

export interface JudgeOptions {
  expected?: readonly Survivor[]
  /** Whether the program was run with all its parts: a configuration that leaves some out has fewer that are there twice. */
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
    const found = expected.find(({ mutant }) => matches(mutant, id))
    return found === undefined ? [] : [{ id, reason: found.reason }]
  })
  return {
    results: [...results],
    unexpected: alive.filter((id) => !accounted.some((each) => each.id === id)),
    accounted,
    stale: !isWhole
      ? []
      : expected.filter(({ mutant }) => !alive.some((id) => matches(mutant, id))).map(({ mutant }) => mutant),
  }
}

function mutantExaminer(proof: Proof): (mutant: Mutant) => Promise<string | null> {
  // What didn't hold before notices nothing.
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
 * Which answers can turn, so that the others need not be asked again: a deny that goes frees only what it decided, for a
 * decision names the first deny that it meets; an allow that goes, or a deny that widens, concerns what was allowed; an
 * allow that widens, what nothing had denied.
 */
function canChange({ sid, effect, what }: Touch, { answer }: ProvenRow): boolean {
  if (what === 'statement')
    return effect === 'Deny' ? !answer.allowed && answer.statement?.sid === sid : answer.allowed
  return effect === 'Deny' ? answer.allowed : answer.result.startsWith('implicit-deny')
}
