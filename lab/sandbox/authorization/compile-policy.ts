// Prepares a policy for the evaluator: checks it, encodes its strings, renames its variables, and keeps for
// each action only the statements that can match it. Each document object is compiled only once, because
// parsing is expensive.

import { loadPolicy } from '@cloud-copilot/iam-policy'
import type { Policy } from '@cloud-copilot/iam-policy'
import type { NamedPolicy, PolicyDocument } from '../declaration.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { checkPolicy, listOf, statementsOf, toIsoDate } from './check-policy.ts'
import type { PolicyKind } from './check-policy.ts'
import { aliasKey, describeKey } from './key-facts.ts'
import { aliasMark, encodeArnPattern, encodeText } from './literal-text.ts'
import { memoizeMethods } from './memoized.ts'

export type EvaluatorPolicy = Policy<{ name: string }>

/** The origin of a statement, as a decision names it. */
export interface StatementName {
  policy: string
  /** `Sid`, or the index in the document, from 0. */
  sid: string
}

/** A policy variable, `${key}` or `${key, 'default'}`, with the key under which the evaluator looks it up. */
interface PolicyVariable {
  key: string
  lookup: string
  inArn: boolean
  hasDefault: boolean
}

export interface ActionPolicy {
  /** The evaluator's unique name of the policy. */
  id: string
  name: string
  policy: EvaluatorPolicy
  /** One for each statement, in the evaluator's order. */
  names: StatementName[]
  /** Condition keys without a value in the sandbox; one list for each statement, in the same order. */
  unknowableKeys: string[][]
  variables: PolicyVariable[]
}

interface CompiledStatement {
  statement: Record<string, unknown>
  name: StatementName
  concerns: (action: string) => boolean
  unknowableKeys: string[]
  variables: PolicyVariable[]
}

// AWS sets these keys in nearly every request of a member account, but a declaration doesn't contain their
// values.
const unknowable = new Set(['aws:principalorgpaths', 'aws:resourceorgpaths'])

class CompiledPolicy {
  readonly name: string
  private readonly statements: CompiledStatement[]
  private readonly byAction = new Map<string, ActionPolicy>()

  constructor(name: string, statements: CompiledStatement[]) {
    this.name = name
    this.statements = statements
  }

  /** The statements of the policy that can match `action`. */
  forAction(action: string): ActionPolicy {
    const key = action.toLowerCase()
    let part = this.byAction.get(key)
    if (part === undefined) {
      part = toActionPolicy(
        this.name,
        this.statements.filter(({ concerns }) => concerns(key)),
      )
      this.byAction.set(key, part)
    }
    return part
  }
}

let policies = 0

function toActionPolicy(name: string, statements: Omit<CompiledStatement, 'concerns'>[]): ActionPolicy {
  const id = `policy ${policies++}`
  return {
    id,
    name,
    policy: memoizeMethods(
      loadPolicy(
        { Version: '2012-10-17', Statement: statements.map(({ statement }) => statement) },
        { name: id },
      ),
    ),
    names: statements.map(({ name: statementName }) => statementName),
    unknowableKeys: statements.map(({ unknowableKeys }) => unknowableKeys),
    variables: statements.flatMap(({ variables }) => variables),
  }
}

/** Makes one policy of several. Their permissions add up. */
export function joinPolicies(name: string, parts: ActionPolicy[]): ActionPolicy {
  return toActionPolicy(
    name,
    parts.flatMap(({ policy, names, unknowableKeys, variables }) => {
      const { Statement } = policy.toJSON() as { Statement: Record<string, unknown>[] }
      return Statement.map((statement, index) => ({
        statement,
        name: names[index] ?? { policy: name, sid: String(index) },
        unknowableKeys: unknowableKeys[index] ?? [],
        variables,
      }))
    }),
  )
}

const compiled = new WeakMap<PolicyDocument, Map<string, Promise<CompiledPolicy>>>()

/** Rejects with `invalid-input`, naming the policy, if AWS would refuse the document. */
export function compilePolicy(kind: PolicyKind, { name, document }: NamedPolicy): Promise<CompiledPolicy> {
  let byName = compiled.get(document)
  if (byName === undefined) compiled.set(document, (byName = new Map<string, Promise<CompiledPolicy>>()))
  const key = `${kind} ${name}`
  let policy = byName.get(key)
  if (policy === undefined) byName.set(key, (policy = compile(kind, name, document)))
  return policy
}

async function compile(kind: PolicyKind, name: string, document: PolicyDocument): Promise<CompiledPolicy> {
  const problems = checkPolicy(kind, document)
  if (problems.length > 0) {
    throw new HoldfastError(
      'invalid-input',
      `policy ${name} is malformed: ${problems.slice(0, 3).join('; ')}`,
      {
        hint: 'correct the policy document',
        context: { policy: name, problems },
      },
    )
  }
  const takesVariables = document.Version === '2012-10-17'
  const statements = statementsOf(document).map((raw, index) =>
    compileStatement(raw, { policy: name, sid: sidOf(raw, index) }, takesVariables),
  )
  return new CompiledPolicy(name, await Promise.all(statements))
}

async function compileStatement(
  raw: Record<string, unknown>,
  name: StatementName,
  takesVariables: boolean,
): Promise<CompiledStatement> {
  const variables: PolicyVariable[] = []
  const text = (value: string, inArn: boolean) =>
    replaceVariables(inArn ? encodeArnPattern(value) : encodeText(value), inArn, takesVariables, variables)
  const statement: Record<string, unknown> = { ...raw }
  for (const element of ['Action', 'NotAction']) {
    if (raw[element] !== undefined) statement[element] = listOf(raw[element]).map(normalizeAction)
  }
  for (const element of ['Resource', 'NotResource']) {
    if (raw[element] !== undefined)
      statement[element] = listOf(raw[element]).map((arn) => text(String(arn), true))
  }
  const unknowableKeys: string[] = []
  const conditions: Record<string, Record<string, string[]>> = {}
  for (const [operator, keys] of Object.entries(
    (raw.Condition ?? {}) as Record<string, Record<string, unknown>>,
  )) {
    const isDate = /^((forallvalues|foranyvalue):)?date/i.test(operator)
    conditions[operator] = {}
    for (const [key, values] of Object.entries(keys)) {
      const { exists } = await describeKey(key)
      if (!exists || unknowable.has(key.toLowerCase())) unknowableKeys.push(key)
      const listed = listOf(values).map(String)
      conditions[operator][aliasKey(key)] = listed.map((value) =>
        isDate ? (toIsoDate(value) ?? value) : text(value, false),
      )
    }
  }
  if (raw.Condition !== undefined) statement.Condition = conditions
  for (const { key } of variables)
    if (!(await describeKey(key)).exists || unknowable.has(key.toLowerCase())) unknowableKeys.push(key)
  return { statement, name, concerns: actionFilter(raw), unknowableKeys, variables }
}

/** `Sid`, or the statement's index. */
export function sidOf(statement: Record<string, unknown>, index: number): string {
  return typeof statement.Sid === 'string' && statement.Sid !== '' ? statement.Sid : String(index)
}

// Renames each variable, because a variable without a value must equal nothing. The evaluator would let the
// whole condition fail, and with it a deny by `StringNotEquals`.
function replaceVariables(
  text: string,
  inArn: boolean,
  takesVariables: boolean,
  variables: PolicyVariable[],
): string {
  if (!takesVariables) return text.replaceAll('${', '${$}{')
  return text.replace(/\$\{([^}]*)\}/g, (whole, inside: string) => {
    if (inside === '*' || inside === '?' || inside === '$') return whole
    const [key = '', ...defaultParts] = inside.split(',')
    const lookup = `aws:PrincipalTag/${aliasMark}${inArn ? 'arn' : 'text'}:${key.trim().toLowerCase()}`
    variables.push({ key: key.trim(), lookup, inArn, hasDefault: defaultParts.length > 0 })
    return defaultParts.length > 0 ? `\${${lookup},${defaultParts.join(',')}}` : `\${${lookup}}`
  })
}

// `*?*?*` becomes `??*`, because that pattern matches without trying every split.
function normalizeAction(action: unknown): string {
  return String(action)
    .trim()
    .replace(/[*?]{2,}/g, (run) => '?'.repeat(run.split('?').length - 1) + (run.includes('*') ? '*' : ''))
}

/** False only if no pattern of `Action` can match. Otherwise the evaluator decides. */
function actionFilter(raw: Record<string, unknown>): (action: string) => boolean {
  if (raw.Action === undefined) return () => true
  const patterns = listOf(raw.Action).map((action) => {
    const escaped = normalizeAction(action)
      .toLowerCase()
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
  })
  return (action) => patterns.some((pattern) => pattern.test(action))
}
