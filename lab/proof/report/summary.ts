// The summary of a proof: counts, the deciding statements of each principal, and every unexpected result.
import { groups, isSurprise } from '../proof-row.ts'
import type { Group, ProvenRow } from '../proof-row.ts'
import type { Proof, ProofName } from '../proof.ts'
import type { MutantVerdict } from '../mutant-run.ts'

export const proofSchemaName = 'holdfast/proof/1'

export interface RowRecord {
  who: string
  action: string
  resource: string
  circumstance: string
  context: Record<string, string | string[]>
  expected: 'denied' | 'allowed'
  allowed: boolean
  result: string
  statement: string | null
}

export interface ProofSummary {
  name: ProofName
  rows: number
  principals: number
  actions: number
  contexts: number
  groups: { name: Group; sentence: string; rows: number; asExpected: number }[]
  /** Per group and principal: how often each statement decided, in descending order. */
  deciders: { group: Group; who: string; rows: number; by: { statement: string; rows: number }[] }[]
  settings: { examined: number; broken: { name: string; sentence: string }[] }
  surprises: RowRecord[]
  notEmulated: Proof['declaration']['notEmulated']
}

export const proofTitles: Readonly<Record<ProofName, string>> = {
  organization: 'With an Organization',
  detached: 'Without an Organization',
  platform: 'With an Organization, and production outside AWS',
  'detached-platform': 'Without an Organization, and production outside AWS',
}

export interface ProofReport {
  schema: typeof proofSchemaName
  outcome: 'proven' | 'surprises'
  startedAt: string
  durationMs: number
  tool: { version: string; node: string }
  proofs: ProofSummary[]
  mutants: (Omit<MutantVerdict, 'results'> & { examined: number; killed: number }) | null
}

export function recordRow(row: ProvenRow): RowRecord {
  const { actions, resource, circumstance, context, expected, answer } = row
  return {
    who: row.who,
    action: actions.join(' + '),
    resource,
    circumstance,
    context,
    expected,
    allowed: answer.allowed,
    result: answer.result,
    statement: statementText(row),
  }
}

function statementText({ answer }: ProvenRow): string | null {
  return answer.statement === null ? null : `${answer.statement.sid} of ${answer.statement.policy}`
}

export function summarizeProof(proof: Proof): ProofSummary {
  const { rows, settings } = proof
  const count = <T>(of: (row: ProvenRow) => T) => new Set(rows.map(of)).size
  return {
    name: proof.name,
    rows: rows.length,
    principals: count(({ who: principalName }) => principalName),
    actions: new Set(rows.flatMap(({ actions }) => actions)).size,
    contexts: count(({ circumstance, context }) => `${circumstance} ${Object.keys(context).join()}`),
    groups: (Object.keys(groups) as Group[])
      .map((name) => {
        const ofGroup = rows.filter(({ group }) => group === name)
        return {
          name,
          sentence: groups[name],
          rows: ofGroup.length,
          asExpected: ofGroup.filter((row) => !isSurprise(row)).length,
        }
      })
      .filter((group) => group.rows > 0),
    deciders: summarizeDeciders(rows),
    settings: {
      examined: settings.length,
      broken: settings.filter(({ holds }) => !holds).map(({ name, sentence }) => ({ name, sentence })),
    },
    surprises: rows.filter(isSurprise).map(recordRow),
    notEmulated: proof.declaration.notEmulated,
  }
}

function summarizeDeciders(rows: readonly ProvenRow[]): ProofSummary['deciders'] {
  const byPair = new Map<string, { group: Group; who: string; rows: number; by: Map<string, number> }>()
  for (const row of rows) {
    const pair = `${row.group}\n${row.who}`
    const entry = byPair.get(pair) ?? {
      group: row.group,
      who: row.who,
      rows: 0,
      by: new Map<string, number>(),
    }
    byPair.set(pair, entry)
    entry.rows++
    const by =
      row.answer.statement === null
        ? row.answer.result.replace('implicit-deny in', 'nothing allows it:')
        : statementText(row)!
    entry.by.set(by, (entry.by.get(by) ?? 0) + 1)
  }
  return [...byPair.values()].map(({ by, ...pair }) => ({
    ...pair,
    by: [...by]
      .map(([statement, rowCount]) => ({ statement, rows: rowCount }))
      .sort((a, b) => b.rows - a.rows),
  }))
}

export function isProven(summaries: readonly ProofSummary[], mutants: MutantVerdict | null): boolean {
  return (
    summaries.every(({ surprises, settings }) => surprises.length === 0 && settings.broken.length === 0) &&
    (mutants === null || (mutants.unexpected.length === 0 && mutants.stale.length === 0))
  )
}
