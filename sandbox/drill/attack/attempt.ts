// One attack by one identity on one bucket, and what came of it. Only a refusal counts as one.
import type { S3Client } from '@aws-sdk/client-s3'
import type { Attack, AttackTarget, Wall } from './s3-attacks.ts'

export interface Identity {
  /** As in the report: `production root, by the key that the agent found`. */
  who: string
  client: S3Client
}

/**
 * `refused`: the store said no. `allowed`: it said yes, or failed after the caller had been let through.
 * `not-emulated`: the sandbox doesn't know the call, so nothing was learned. `unclear`: any other answer; proves nothing.
 */
type Outcome = 'refused' | 'allowed' | 'not-emulated' | 'unclear'

export interface AttemptRecord {
  who: string
  attack: string
  wall: Wall
  what: string
  target: string
  outcome: Outcome
  /** HTTP status; 0 if no answer came. */
  status: number
  /** The error's code, `ok` without one. */
  code: string
  /** The statement or lock that refused, as the sandbox's own log has it and no caller learns; empty if nothing did. */
  decidedBy: string
}

/** What refused the request of this id; empty if nothing did. */
export type DecisionFinder = (requestId: string) => string

const refusals = new Set(['AccessDenied', 'InvalidBucketState'])
/** What the SDK calls an error that came without a body. */
const codeless = new Set(['', 'Unknown', 'UnknownError', 'Forbidden', '403'])

export async function attempt(identity: Identity, attack: Attack, target: AttackTarget, findDecision: DecisionFinder): Promise<AttemptRecord> {
  const record = { who: identity.who, attack: attack.name, wall: attack.wall, what: attack.what, target: target.bucket }
  try {
    await attack.run(identity.client, target)
    return { ...record, outcome: 'allowed', status: 200, code: 'ok', decidedBy: '' }
  } catch (error) {
    const { code, status, requestId } = readAnswer(error)
    return { ...record, outcome: classify(attack, code, status), status, code, decidedBy: requestId === undefined ? '' : findDecision(requestId) }
  }
}

function readAnswer(error: unknown): { code: string; status: number; requestId: string | undefined } {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number; requestId?: string } }
  const status = $metadata?.httpStatusCode ?? 0
  // A HEAD has no body, so its refusal has no code: the status says it.
  const code = status === 403 && codeless.has(name ?? '') ? 'AccessDenied' : (name ?? 'unknown')
  return { code, status, requestId: $metadata?.requestId }
}

function classify(attack: Attack, code: string, status: number): Outcome {
  if (refusals.has(code)) return 'refused'
  if (attack.pastAuthorization?.includes(code) === true) return 'allowed'
  if (status === 501 || code === 'NotImplemented') return 'not-emulated'
  return 'unclear'
}
