// Prepares a policy for the evaluator: checks it, encodes its strings, renames its variables, and finds for each
// action the statements that can match it.
//
// Equal statements are compiled once per process, also when they come in other documents: parsing is expensive, and
// what a statement says about a request is remembered with it (statement-outcome.ts).

import { loadPolicy } from '@cloud-copilot/iam-policy'
import type { NamedPolicy, PolicyDocument } from '../declaration.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { BoundedCache } from './bounded-cache.ts'
import { checkPolicy, listOf, statementsOf, toIsoDate } from './check-policy.ts'
import type { PolicyKind } from './check-policy.ts'
import { aliasKey, describeKey } from './key-facts.ts'
import { aliasMark, encodeArnPattern, encodeText } from './literal-text.ts'
import { memoizeMethods } from './memoized.ts'
import type {
  CompiledStatement,
  EvaluatorPolicy,
  PolicyVariable,
  StatementName,
  TestedFacts,
} from './statement.ts'

// AWS sets these keys in nearly every request of a member account, but a declaration doesn't contain their
// values.
const unknowable = new Set(['aws:principalorgpaths', 'aws:resourceorgpaths'])

/** The statements of one policy, or of several whose permissions add up. */
export class CompiledPolicy {
  readonly statements: readonly CompiledStatement[]
  private readonly byAction = new Map<string, readonly CompiledStatement[]>()
  // Shared between actions, because thousands of actions match the same few lists of statements.
  private readonly byMatches = new Map<string, readonly CompiledStatement[]>()

  constructor(statements: readonly CompiledStatement[]) {
    this.statements = statements
  }

  /**
   * The statements that can match the action.
   * @param action in lower case
   */
  forAction(action: string): readonly CompiledStatement[] {
    let matches = this.byAction.get(action)
    if (matches === undefined) {
      const list = this.statements.filter(({ actions }) => actions.match(action))
      const key = list.map((statement) => this.statements.indexOf(statement)).join()
      matches = this.byMatches.get(key) ?? list
      this.byMatches.set(key, matches)
      this.byAction.set(action, matches)
    }
    return matches
  }
}

/** The patterns of a statement's `Action` or `NotAction`, by the service that they name. */
class ActionPatterns {
  private readonly isNotAction: boolean
  private readonly byService = new Map<string, RegExp[]>()
  private readonly general: RegExp[] = []

  constructor(raw: Record<string, unknown>) {
    this.isNotAction = raw.Action === undefined
    for (const entry of listOf(raw.Action ?? raw.NotAction)) {
      const action = normalizeAction(entry).toLowerCase()
      const service = action.slice(0, Math.max(action.indexOf(':'), 0))
      const pattern = toExpression(action)
      if (service === '' || /[*?]/.test(service)) this.general.push(pattern)
      else this.byService.set(service, [...(this.byService.get(service) ?? []), pattern])
    }
  }

  /** @param action in lower case */
  match(action: string): boolean {
    const isListed = (pattern: RegExp) => pattern.test(action)
    const ofService = this.byService.get(action.slice(0, action.indexOf(':'))) ?? []
    return (ofService.some(isListed) || this.general.some(isListed)) !== this.isNotAction
  }
}

function toExpression(action: string): RegExp {
  const escaped = action.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

/** The statement alone, for any action, as the evaluator's model. */
export function loadStatement({ statement, name }: CompiledStatement): EvaluatorPolicy {
  const { NotAction: _, ...elements } = statement
  const document = { Version: '2012-10-17', Statement: [{ ...elements, Action: '*' }] }
  return memoizeMethods(loadPolicy(document, { name: name.policy }))
}

function listTests(statement: Record<string, unknown>, variables: readonly PolicyVariable[]): TestedFacts {
  const keys = [
    ...Object.values((statement.Condition ?? {}) as Record<string, object>).flatMap(Object.keys),
    ...variables.map(({ key }) => key),
  ]
  const { Resource, NotResource } = statement
  const isEverything = listOf(Resource).every((resource) => resource === '*')
  return {
    resource: NotResource !== undefined || (Resource !== undefined && !isEverything),
    principal: statement.Principal !== undefined || statement.NotPrincipal !== undefined,
    keys: [...new Set(keys.map((key) => key.toLowerCase()))],
  }
}

const compiled = new WeakMap<PolicyDocument, Map<string, CompiledPolicy>>()
const statementCache = new BoundedCache<CompiledStatement>(20_000)
const acceptedDocuments = new BoundedCache<true>(5_000)

/** Rejects with `invalid-input`, naming the policy, if AWS would refuse the document. */
export async function compilePolicy(
  kind: PolicyKind,
  { name, document }: NamedPolicy,
): Promise<CompiledPolicy> {
  const key = `${kind} ${name}`
  const earlier = compiled.get(document)?.get(key)
  if (earlier !== undefined) return earlier
  checkOnce(kind, name, document)
  const takesVariables = document.Version === '2012-10-17'
  const statements = statementsOf(document).map((raw, index) =>
    internStatement(kind, raw, { policy: name, sid: sidOf(raw, index) }, takesVariables),
  )
  const policy = new CompiledPolicy(await Promise.all(statements))
  const byName = compiled.get(document) ?? new Map<string, CompiledPolicy>()
  compiled.set(document, byName.set(key, policy))
  return policy
}

/** One policy of several. Their permissions add up. */
export async function compilePolicies(
  kind: PolicyKind,
  policies: readonly NamedPolicy[],
): Promise<CompiledPolicy> {
  const parts = await Promise.all(policies.map((policy) => compilePolicy(kind, policy)))
  return new CompiledPolicy(parts.flatMap(({ statements }) => statements))
}

function checkOnce(kind: PolicyKind, name: string, document: PolicyDocument): void {
  const key = `${kind} ${JSON.stringify(document)}`
  if (acceptedDocuments.get(key) === true) return
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
  acceptedDocuments.set(key, true)
}

async function internStatement(
  kind: PolicyKind,
  raw: Record<string, unknown>,
  name: StatementName,
  takesVariables: boolean,
): Promise<CompiledStatement> {
  const key = JSON.stringify([kind, name.policy, name.sid, takesVariables, raw])
  const earlier = statementCache.get(key)
  if (earlier !== undefined) return earlier
  const statement = await compileStatement(kind, raw, name, takesVariables)
  statementCache.set(key, statement)
  return statement
}

async function compileStatement(
  kind: PolicyKind,
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
  return {
    kind,
    name,
    statement,
    actions: new ActionPatterns(raw),
    unknowableKeys,
    variables,
    tests: listTests(statement, variables),
    outcomes: new Map(),
  }
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
