// One attack by one identity, and its outcome. Only a clear refusal counts as one.
import type { AccessDecision } from '../../sandbox/authorization/access.ts'
import type { Decision } from '../../sandbox/authorization/decision-log.ts'
import type { Wall } from './attack.ts'

/**
 * `refused`: the cloud denied it. `allowed`: the cloud allowed it, also if it failed after authorization.
 * `not-emulated`: the sandbox doesn't emulate the call. `unclear`: any other response; it proves nothing.
 */
export type Outcome = 'refused' | 'allowed' | 'not-emulated' | 'unclear'

export interface AttemptRecord {
  who: string
  /** Names of the assumed roles, in order. */
  path: readonly string[]
  attack: string
  wall: Wall
  what: string
  target: string
  /** `request`: signed and sent. `evaluation`: not sent, decided on the loaded policies. */
  method: 'request' | 'evaluation'
  /** The reason why the identity may do it; null if the cloud must refuse it. */
  duty: string | null
  outcome: Outcome
  /** HTTP status; 0 without a response or without a request. */
  status: number
  /** The error's code, `ok` without one. */
  code: string
  /**
   * The statement or lock that refused, from the sandbox's own log; the caller never learns it. Empty without a
   * refusal.
   */
  decidedBy: string
}

export type AttemptFacts = Omit<AttemptRecord, 'method' | 'outcome' | 'status' | 'code' | 'decidedBy'>

/** Finds the decision on a request in the cloud's log, by request id. */
export type DecisionFinder = (requestId: string) => string

/** Error codes of refusals by S3, by the token service and by EC2. */
const refusals = new Set([
  'AccessDenied',
  'InvalidBucketState',
  'UnauthorizedOperation',
  'MissingAuthenticationToken',
])
/** The SDK's names for an error without a body. */
const codeless = new Set(['', 'Unknown', 'UnknownError', 'Forbidden', '403'])

export interface Answers {
  /** Errors that come after authorization, so they mean that the caller was allowed. */
  pastAuthorization?: readonly string[]
  /** Errors that count as a refusal for this request only. */
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
    const { code, status, requestId } = readError(error)
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

/** Records a decision of the loaded policies, without a request. */
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

/** The reason of a refusal that comes before the evaluation of policies. */
function withoutDecision(code: string): string {
  if (code === 'PreconditionFailed') return 'If-None-Match: the key is taken'
  if (code === 'MissingAuthenticationToken') return 'not signed'
  if (code === 'InvalidIdentityTokenException') return "the account has no provider for the token's issuer"
  if (/^Invalid(Volume|Snapshot)\.NotFound$/.test(code)) return "not there for the caller's account"
  return "refused before a policy was asked: no such role for the caller, another account's settings, or a root user"
}

function readError(error: unknown): { code: string; status: number; requestId: string | undefined } {
  const { name, $metadata } = error as {
    name?: string
    $metadata?: { httpStatusCode?: number; requestId?: string }
  }
  const status = $metadata?.httpStatusCode ?? 0
  // The response to a HEAD has no body and no code, so the status decides.
  const code = status === 403 && codeless.has(name ?? '') ? 'AccessDenied' : (name ?? 'unknown')
  return { code, status, requestId: $metadata?.requestId }
}

function classify(answers: Answers, code: string, status: number): Outcome {
  if (refusals.has(code) || answers.refusals?.includes(code) === true) return 'refused'
  if (answers.pastAuthorization?.includes(code) === true) return 'allowed'
  if (status === 501 || code === 'NotImplemented') return 'not-emulated'
  return 'unclear'
}
