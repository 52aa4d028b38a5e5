// One attack by one identity, and what came of it. Only a refusal counts as one.
import type { AccessDecision } from '../../sandbox/authorization/access.ts'
import type { Decision } from '../../sandbox/authorization/decision-log.ts'
import type { Wall } from './attack.ts'

/**
 * `refused`: the cloud said no. `allowed`: it said yes, or failed after the caller had been let through.
 * `not-emulated`: the sandbox doesn't know the call, so nothing was learned. `unclear`: any other answer; proves nothing.
 */
export type Outcome = 'refused' | 'allowed' | 'not-emulated' | 'unclear'

export interface AttemptRecord {
  who: string
  /** Names of the roles assumed on the way, in order. */
  path: readonly string[]
  attack: string
  wall: Wall
  what: string
  target: string
  /** `request`: signed and sent. `evaluation`: not sent, decided on the loaded policies. */
  method: 'request' | 'evaluation'
  /** Why it may; null if it has to be refused. */
  duty: string | null
  outcome: Outcome
  /** HTTP status; 0 if no answer came, or nothing was sent. */
  status: number
  /** The error's code, `ok` without one. */
  code: string
  /** The statement or lock that refused, as the sandbox's own log has it and no caller learns; empty if nothing did. */
  decidedBy: string
}

export type AttemptFacts = Omit<AttemptRecord, 'method' | 'outcome' | 'status' | 'code' | 'decidedBy'>

/** What the cloud's log has on the request of this id. */
export type DecisionFinder = (requestId: string) => string

/** Refusals of S3 and of the token service, and of EC2, which has words of its own. */
const refusals = new Set([
  'AccessDenied',
  'InvalidBucketState',
  'UnauthorizedOperation',
  'MissingAuthenticationToken',
])
/** What the SDK calls an error that came without a body. */
const codeless = new Set(['', 'Unknown', 'UnknownError', 'Forbidden', '403'])

export interface Answers {
  /** Errors that come after authorization: the caller had been let through. */
  pastAuthorization?: readonly string[]
  /** Errors that are a refusal of this very request, beside those that always are. */
  refusals?: readonly string[]
}

export async function attempt(
  facts: AttemptFacts,
  answers: Answers,
  run: () => Promise<unknown>,
  findDecision: DecisionFinder,
): Promise<AttemptRecord> {
  const record = { ...facts, method: 'request' as const }
  try {
    await run()
    return { ...record, outcome: 'allowed', status: 200, code: 'ok', decidedBy: '' }
  } catch (error) {
    const { code, status, requestId } = readAnswer(error)
    const outcome = classify(answers, code, status)
    const decision = outcome !== 'refused' || requestId === undefined ? '' : findDecision(requestId)
    return {
      ...record,
      outcome,
      status,
      code,
      decidedBy: decision !== '' || outcome !== 'refused' ? decision : withoutDecision(code),
    }
  }
}

/** A decision on the loaded policies, without a request. */
export function recordEvaluation(facts: AttemptFacts, decision: AccessDecision): AttemptRecord {
  const { allowed } = decision
  return {
    ...facts,
    method: 'evaluation',
    outcome: allowed ? 'allowed' : 'refused',
    status: 0,
    code: allowed ? 'would be allowed' : 'would be denied',
    decidedBy: describeDecision({ ...decision, by: 'policy' }),
  }
}

export function describeDecision({
  by,
  result,
  statement,
}: Pick<Decision, 'by' | 'result' | 'statement'>): string {
  if (by === 'lock') return `Object Lock: ${result}`
  return statement === null ? `${result}: no statement allows it` : `${statement.sid} in ${statement.policy}`
}

/** What refuses before any policy is asked. */
function withoutDecision(code: string): string {
  if (code === 'PreconditionFailed') return 'If-None-Match: the key is taken'
  if (code === 'MissingAuthenticationToken') return 'not signed'
  if (code === 'InvalidIdentityTokenException') return "the account has no provider for the token's issuer"
  if (/^Invalid(Volume|Snapshot)\.NotFound$/.test(code)) return "not there for the caller's account"
  return "refused before a policy was asked: no such role for the caller, another account's settings, or a root user"
}

function readAnswer(error: unknown): { code: string; status: number; requestId: string | undefined } {
  const { name, $metadata } = error as {
    name?: string
    $metadata?: { httpStatusCode?: number; requestId?: string }
  }
  const status = $metadata?.httpStatusCode ?? 0
  // A HEAD has no body, so its refusal has no code: the status says it.
  const code = status === 403 && codeless.has(name ?? '') ? 'AccessDenied' : (name ?? 'unknown')
  return { code, status, requestId: $metadata?.requestId }
}

function classify(answers: Answers, code: string, status: number): Outcome {
  if (refusals.has(code) || answers.refusals?.includes(code) === true) return 'refused'
  if (answers.pastAuthorization?.includes(code) === true) return 'allowed'
  if (status === 501 || code === 'NotImplemented') return 'not-emulated'
  return 'unclear'
}
