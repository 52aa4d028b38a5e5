// One row of the proof: a principal, an action, a resource, the circumstances, and the expected result.
import type { AccessRequest } from '../sandbox/authorization/access.ts'
import type { Principal } from '../sandbox/identity/principal.ts'

export const groups = {
  destruction:
    "Agents, writers, outsiders and the roles that they can assume can't destroy anything; production can't destroy the vault.",
  agents:
    "No agent can do anything destructive that its task doesn't name, in any service, and nothing in a service that the catalogue hasn't examined.",
  mcp: "Through AWS's MCP servers, people's credentials can only read.",
  environment: "Agents can't touch another environment, and can't act without a source identity.",
  weakening: 'No role can read, delete, hide, unlock or reconfigure the vault beyond its duty.',
  'ways-in': 'Only the configured callers can assume a role, and only with all its requirements.',
  approval:
    "Break-glass can't act without an approval, with an approval for another operator, or after the approval has ended.",
  duty: 'Every role can do its duty.',
  lost: 'Without an Organization, the owner of an account can undo these guards; the documentation lists them.',
} as const

export type Group = keyof typeof groups

export interface ProofRow {
  group: Group
  /** `agent staging`, or `workload rental-db > writer rental-db` for a role chain. */
  who: string
  principal: Principal
  /** The permissions that one request needs: all must be allowed. The first one names the request. */
  actions: readonly string[]
  /** ARN, or `*`. */
  resource: string
  resourceAccountId: string
  context: AccessRequest['context']
  /** The resource's own policy, if the sandbox doesn't emulate the resource. */
  resourcePolicy?: AccessRequest['resourcePolicy']
  /** The special condition of this request, as the report words it. */
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
