// Whether one statement matches a request, remembered by the facts that the statement tests. Most questions of a
// proof differ only in facts that no statement tests: another action of the same patterns, another resource under `*`.
//
// compile-policy.ts has matched the action already, so the evaluator matches the other elements only.

import { loadStatement } from './compile-policy.ts'
import { analyzeStatement } from './inner-evaluator.ts'
import type { EvaluatorRequest } from './inner-evaluator.ts'
import type { RequestFacts } from './request-facts.ts'
import type { CompiledStatement, EvaluatorPolicy, StatementOutcome } from './statement.ts'

/** Bounds the outcomes of one statement, because facts come from requests. */
const maxOutcomes = 10_000

const models = new WeakMap<CompiledStatement, { id: number; policy: EvaluatorPolicy }>()
let lastId = 0

/** Examines statements for one request. */
export class StatementExaminer {
  /** Set once an outcome is missing, because making a request of the evaluator is expensive. */
  request: EvaluatorRequest | null = null
  /** The outcomes of statements that name a key without a value in the sandbox. */
  readonly unknowable: StatementOutcome[] = []
  private readonly facts: RequestFacts
  /** Whether the caller has a permissions boundary, because `NotPrincipal` depends on it. */
  private readonly isBounded: boolean

  constructor(facts: RequestFacts, isBounded: boolean) {
    this.facts = facts
    this.isBounded = isBounded
  }

  /** Null if an outcome is missing and `request` isn't set. */
  examine(statements: readonly CompiledStatement[]): StatementOutcome[] | null {
    const outcomes: StatementOutcome[] = []
    for (const statement of statements) {
      const key = this.keyOf(statement)
      let outcome = statement.outcomes.get(key)
      if (outcome === undefined) {
        if (this.request === null) return null
        outcome = this.findOutcome(statement, this.request)
        if (statement.outcomes.size >= maxOutcomes) statement.outcomes.clear()
        statement.outcomes.set(key, outcome)
      }
      outcomes.push(outcome)
      if (statement.unknowableKeys.length > 0) this.unknowable.push(outcome)
    }
    return outcomes
  }

  private keyOf({ tests }: CompiledStatement): string {
    const key = this.facts.keyOf(tests)
    return tests.principal && this.isBounded ? `${key},bounded` : key
  }

  private findOutcome(statement: CompiledStatement, request: EvaluatorRequest): StatementOutcome {
    let model = models.get(statement)
    if (model === undefined)
      models.set(statement, (model = { id: ++lastId, policy: loadStatement(statement) }))
    const { analysis, effect } = analyzeStatement(statement.kind, model.policy, request, this.isBounded)
    return { id: `${model.id}${analysis.principalMatch}`, statement, analysis, effect }
  }
}
