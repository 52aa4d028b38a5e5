// One statement of a policy, compiled, and what it says about a request.

import type { Policy } from '@cloud-copilot/iam-policy'
import type { RequestAnalysis } from '@cloud-copilot/iam-simulate'
import type { PolicyKind } from './check-policy.ts'

export type EvaluatorPolicy = Policy<{ name: string }>

/** The origin of a statement, as a decision names it. */
export interface StatementName {
  policy: string
  /** `Sid`, or the index in the document, from 0. */
  sid: string
}

/** A policy variable, `${key}` or `${key, 'default'}`, with the key under which the evaluator looks it up. */
export interface PolicyVariable {
  key: string
  lookup: string
  inArn: boolean
  hasDefault: boolean
}

/** The facts of a request, besides its action, that a statement tests. */
export interface TestedFacts {
  resource: boolean
  principal: boolean
  /** Condition keys and variables, in lower case. */
  keys: readonly string[]
}

/** The patterns of `Action` or `NotAction`. */
interface ActionMatcher {
  /** @param action in lower case */
  match(action: string): boolean
}

export type StatementAnalysis = NonNullable<RequestAnalysis['identityAnalysis']>['allowStatements'][number]

export interface StatementOutcome {
  /** Unique for everything in the outcome that a decision depends on. */
  id: string
  statement: CompiledStatement
  analysis: StatementAnalysis
  /** `none` if the statement doesn't match. */
  effect: 'allow' | 'deny' | 'none'
}

export interface CompiledStatement {
  kind: PolicyKind
  name: StatementName
  /** As the evaluator reads it. */
  statement: Record<string, unknown>
  actions: ActionMatcher
  /** Condition keys without a value in the sandbox. */
  unknowableKeys: string[]
  variables: PolicyVariable[]
  tests: TestedFacts
  /** One outcome for each combination of the tested facts: see statement-outcome.ts. */
  outcomes: Map<string, StatementOutcome>
}
