// The facts of one request as numbers: equal facts have equal numbers, so that a few numbers make the key of a cache.

import type { ConditionContext } from './access.ts'
import type { TestedFacts } from './statement.ts'
import { aliasKey, isFederatedKey } from './key-facts.ts'

/** The number of a fact that a request doesn't have. */
const absent = 0

let lastNumber = absent

/** Numbers of texts. No number is ever given to two texts: after a clearance, texts get new numbers. */
class Numbering {
  private readonly numbers = new Map<string, number>()

  of(text: string): number {
    const earlier = this.numbers.get(text)
    if (earlier !== undefined) return earlier
    // Bounded, because texts come from requests.
    if (this.numbers.size >= 100_000) this.numbers.clear()
    this.numbers.set(text, ++lastNumber)
    return lastNumber
  }
}

const texts = new Numbering()
const lists = new Numbering()

export interface FactSource {
  /** Null for an unsigned request. */
  principalArn: string | null
  resource: string
  isWildcardOnly: boolean
  context: ConditionContext
}

export class RequestFacts {
  readonly principal: number
  readonly resource: number
  private readonly context: ConditionContext
  private byKey: Map<string, string | string[]> | null = null

  constructor({ principalArn, resource, isWildcardOnly, context }: FactSource) {
    this.principal = principalArn === null ? absent : texts.of(principalArn)
    this.resource = isWildcardOnly ? absent : texts.of(resource)
    this.context = context
  }

  /** A key of the facts that are tested. */
  keyOf({ resource, principal, keys }: TestedFacts): string {
    let key = resource ? `${this.resource}` : ''
    if (principal) key += `,${this.principal}`
    for (const name of keys) key += `,${this.numberOf(name)}`
    return key
  }

  private numberOf(name: string): number {
    const value = (this.byKey ??= indexByName(this.context)).get(name)
    if (value === undefined) return absent
    return typeof value === 'string' ? texts.of(value) : lists.of(JSON.stringify(value))
  }
}

function indexByName(context: ConditionContext): Map<string, string | string[]> {
  const values = new Map<string, string | string[]>()
  for (const key in context) {
    const value = context[key]!
    for (const name of namesOf(key)) values.set(name, value)
  }
  return values
}

const names = new Map<string, readonly string[]>()

/** The names under which a statement can test the key, in lower case. */
function namesOf(key: string): readonly string[] {
  let list = names.get(key)
  if (list === undefined) {
    list = [key, ...(isFederatedKey(key) ? [aliasKey(key)] : [])].map((name) => name.toLowerCase())
    // Bounded, because callers name tags.
    if (names.size < 10_000) names.set(key, list)
  }
  return list
}
