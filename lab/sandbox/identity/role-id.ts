import { createHash } from 'node:crypto'

/**
 * The unique id of a role, as in `aws:userid`. On AWS it lasts as long as the role; here it is derived from the ARN.
 */
export function roleIdOf(roleArn: string): string {
  const earlier = ids.get(roleArn)
  if (earlier !== undefined) return earlier
  const id = deriveId(roleArn)
  if (ids.size < 10_000) ids.set(roleArn, id)
  return id
}

const ids = new Map<string, string>()

function deriveId(roleArn: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const digest = createHash('sha256').update(roleArn).digest()
  return `AROA${Array.from(digest.subarray(0, 17), (byte) => letters[byte % 32]).join('')}`
}
