// The fields of one event in the audit trail that a check needs. An attacker can choose all of its texts: names of
// calls that no service has, an error, an agent's name.
import { z } from 'zod'

export interface TrailEvent {
  /** The time by the store of events, in milliseconds since 1970. */
  timeMs: number
  /** As policies write it, e.g. `rds:DeleteDBInstance`. */
  call: string
  /** True if AWS denied it. */
  isDenied: boolean
  /** The name of the agent; null for another caller. */
  agent: string | null
}

const schema = z.object({
  eventTime: z.iso.datetime(),
  eventSource: z.string().regex(/^[a-z0-9.-]{1,80}\.amazonaws\.com$/),
  eventName: z.string().regex(/^[A-Za-z0-9_]{1,100}$/),
  errorCode: z.string().max(200).optional(),
  userIdentity: z
    .object({
      sessionContext: z
        .object({ sessionIssuer: z.object({ arn: z.string().max(2048) }).optional() })
        .optional(),
    })
    .optional(),
})

/** AWS's services spell a denial in many ways. */
const denial = /AccessDenied|Unauthorized|NotAuthorized|AuthorizationError|Forbidden/i
const agentArn = /^arn:aws:iam::\d{12}:role\/holdfast-agents\/holdfast-agent-([A-Za-z0-9+=,.@_-]{1,64})$/

/** Null for a text that is no event. */
export function parseTrailEvent(text: string): TrailEvent | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) return null
  const { eventTime, eventSource, eventName, errorCode, userIdentity } = parsed.data
  const issuer = userIdentity?.sessionContext?.sessionIssuer?.arn ?? ''
  return {
    timeMs: Date.parse(eventTime),
    call: `${eventSource.slice(0, eventSource.indexOf('.'))}:${eventName}`,
    isDenied: errorCode !== undefined && denial.test(errorCode),
    agent: agentArn.exec(issuer)?.[1] ?? null,
  }
}
