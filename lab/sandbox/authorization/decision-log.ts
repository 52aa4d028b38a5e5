// The log of decisions: why each request was allowed or refused. It serves reports and tests, and no reply
// carries any of it.

import type { Principal } from '../identity/principal.ts'
import type { AccessDecision } from './access.ts'

export interface Decision {
  requestId: string
  atMs: number
  principalArn: string
  action: string
  resource: string
  allowed: boolean
  /** `policy`: the authorizer decided. `lock`: Object Lock stopped a request that the policies had allowed. */
  by: 'policy' | 'lock'
  result: string
  statement: AccessDecision['statement']
}

/** The request and the action that a decision is about. */
export interface DecisionSubject {
  request: { id: string; nowMs: number; principal: Principal }
  action: string
  resource: string
}

/** Keeps the newest `limit` decisions. */
export class DecisionLog {
  private readonly limit: number
  private decisions: Decision[] = []
  // A drill asks for each of its thousands of requests.
  private byRequest = new Map<string, Decision[]>()

  constructor(limit = 100_000) {
    this.limit = limit
  }

  get entries(): readonly Decision[] {
    return this.decisions
  }

  of(requestId: string): Decision[] {
    return this.byRequest.get(requestId) ?? []
  }

  record(subject: DecisionSubject, decision: AccessDecision): void {
    this.add({ ...describe(subject), by: 'policy', ...decision })
  }

  /** Object Lock stopped a request that the policies had allowed. */
  recordLock(subject: DecisionSubject, reason: string): void {
    this.add({ ...describe(subject), allowed: false, by: 'lock', result: reason, statement: null })
  }

  // Drops half of the entries at once, because dropping one at a time would copy the log for every entry.
  private add(entry: Decision): void {
    if (this.decisions.length >= this.limit) {
      this.decisions = this.decisions.slice(-Math.floor(this.limit / 2))
      this.byRequest = Map.groupBy(this.decisions, ({ requestId }) => requestId)
    }
    this.decisions.push(entry)
    const ofRequest = this.byRequest.get(entry.requestId)
    if (ofRequest === undefined) this.byRequest.set(entry.requestId, [entry])
    else ofRequest.push(entry)
  }
}

function describe({ request, action, resource }: DecisionSubject) {
  return { requestId: request.id, atMs: request.nowMs, principalArn: request.principal.arn, action, resource }
}
