// One line of the proof: somebody, an action, a resource, circumstances, and what the answer has to be.
import type { AccessRequest } from '../sandbox/authorization/access.ts'
import type { Principal } from '../sandbox/identity/principal.ts'

export const groups = {
  destruction:
    'An agent, a writer, an outsider and whoever they can become destroys nothing; production destroys nothing of the vault.',
  environment: "An agent can't touch another environment, nor act for nobody.",
  weakening: 'Nobody reads, deletes, hides, unlocks or reconfigures the vault beyond the duty.',
  'ways-in': 'A role is assumed by those who are named, with what is asked of them, and by nobody else.',
  approval: 'Break-glass does nothing that nobody approved: not for another, and not afterwards.',
  duty: 'Every role can do its duty.',
  lost: 'Without an Organization, the owner of an account can undo this: known, and documented.',
} as const

export type Group = keyof typeof groups

export interface ProofRow {
  group: Group
  /** `agent staging`, or `workload rental-db > writer rental-db` for whom the first can become. */
  who: string
  principal: Principal
  /** Asked in one request; it is allowed if all of them are. The first one names it. */
  actions: readonly string[]
  /** ARN, or `*`. */
  resource: string
  resourceAccountId: string
  context: AccessRequest['context']
  /** The resource's own policy, where the sandbox doesn't know the resource. */
  resourcePolicy?: AccessRequest['resourcePolicy']
  /** What is special about this request, in words. */
  circumstance: string
  expected: 'denied' | 'allowed'
}

export interface Answer {
  allowed: boolean
  result: string
  /** The deciding statement; null if nothing matched: an implicit deny. */
  statement: { policy: string; sid: string } | null
}

export interface ProvenRow extends ProofRow {
  answer: Answer
}

export function isSurprise({ expected, answer }: ProvenRow): boolean {
  return answer.allowed !== (expected === 'allowed')
}
