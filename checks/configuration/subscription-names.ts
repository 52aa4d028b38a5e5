// The subscriptions of a topic as a check compares them. An address can be a secret, as a webhook's is: it is compared,
// kept and shown by a part of its hash.
import { sha256Hex } from '../../core/digest.ts'

export interface Subscription {
  protocol: string
  endpoint: string
  /** False: AWS waits for the owner of the address, and sends no alarm to it. */
  isConfirmed: boolean
}

const shownDigits = 16

export function describeSubscriptions(subscriptions: readonly Subscription[]): Record<string, string> {
  return Object.fromEntries(
    subscriptions.map(({ protocol, endpoint, isConfirmed }) => [
      `${protocol} ${sha256Hex(Buffer.from(masked(endpoint))).slice(0, shownDigits)}`,
      isConfirmed ? 'confirmed' : 'pending',
    ]),
  )
}

/** SNS lists the address of a webhook without its password. */
function masked(endpoint: string): string {
  return endpoint.replace(/^(https?:\/\/[^:@/]*:)[^@/]*@/, '$1****@')
}
