import { createHash } from 'node:crypto'

/** The unique id of a role, as in `aws:userid`. On AWS it lasts as long as the role; here it is derived from the ARN. */
export function roleIdOf(roleArn: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const digest = createHash('sha256').update(roleArn).digest()
  return `AROA${Array.from(digest.subarray(0, 17), (byte) => letters[byte % 32]).join('')}`
}
