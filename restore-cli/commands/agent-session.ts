// `holdfast agent-session`: hands an agent a session that expires with its task, or ends all that it has.
import { IdentityService, roleNameOf } from '../../aws/identity-service.ts'
import { SessionService } from '../../aws/session-service.ts'
import type { Session } from '../../aws/session-service.ts'
import { HoldfastError } from '../../core/errors.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { revocationPolicy, revocationPolicyName } from '../../guardrails/revocation-policy.ts'
import { resolveAgentRole } from '../agent-role.ts'
import type { AgentRole, AgentRoleFlags } from '../agent-role.ts'
import { readDocument } from '../../blast-radius/policy-set.ts'
import type { formats } from '../declare-agent-session.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { timeText } from '../render/figures.ts'
import { checkName, checkSeconds, handOut, openSession } from '../role-session.ts'

export interface AgentSessionFlags extends AgentRoleFlags {
  sourceIdentity?: string
  sessionName: string
  sessionSeconds?: number
  policy?: string
  tag: string[]
  format: (typeof formats)[number]
  json?: boolean
}

/** STS's shortest: a session is to end with its task. */
const defaultSeconds = 900
/** What AWS takes of a session policy, without white space. */
const longestPolicyChars = 2048

/** @throws `denied` (the trust policy says no), `invalid-input`, `credentials`, `unreachable`; a command's own status is passed on. */
export async function runAgentSession(
  name: string,
  command: readonly string[],
  flags: AgentSessionFlags,
  invocation: Invocation,
): Promise<void> {
  const role = resolveAgentRole(name, flags)
  roleNameOf(role.roleArn)
  const session = await open(role, flags, invocation)
  await handOut(session, command, flags, invocation, {
    type: 'agent-session',
    agent: name,
    roleArn: role.roleArn,
    arn: session.arn,
    expires: timeText(session.expiresMs),
    sourceIdentity: flags.sourceIdentity ?? null,
    narrowed: flags.policy !== undefined,
  })
}

async function open(
  { roleArn, sessionSeconds }: AgentRole,
  flags: AgentSessionFlags,
  invocation: Invocation,
): Promise<Session> {
  const request = {
    roleArn,
    sessionName: checkName('session name', flags.sessionName),
    durationSeconds: checkSeconds(flags.sessionSeconds ?? sessionSeconds ?? defaultSeconds),
    ...(flags.tag.length === 0 ? {} : { tags: readTags(flags.tag) }),
    ...(flags.sourceIdentity ? { sourceIdentity: checkName('source identity', flags.sourceIdentity) } : {}),
    ...(flags.policy === undefined ? {} : { policy: readSessionPolicy(flags.policy) }),
  }
  return openSession(
    request,
    invocation,
    request.sourceIdentity === undefined
      ? "an agent's trust asks on whose behalf it runs: pass --source-identity NAME"
      : "only launchers may assume an agent's role (`holdfast:launchers`), without session tags, and nobody can change the source identity of their own session",
  )
}

function readTags(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      throw new HoldfastError('invalid-input', 'a session tag is not KEY=VALUE', {
        hint: 'pass it as --tag KEY=VALUE',
      })
    }),
  )
}

function readSessionPolicy(file: string): string {
  const text = JSON.stringify(readDocument(file).document)
  if (text.length <= longestPolicyChars) return text
  throw new HoldfastError(
    'invalid-input',
    `the session policy has ${text.length} characters, and AWS takes ${longestPolicyChars}`,
    { hint: 'shorten it: what it leaves out is denied' },
  )
}

/** Ends every session of the agent that was issued up to now. @throws `denied`, `not-found`, `credentials`, `unreachable`. */
export async function runRevocation(
  name: string,
  flags: AgentRoleFlags & { json?: boolean },
  invocation: Invocation,
): Promise<void> {
  const { environment, signal } = invocation
  const output = makeOutput(invocation, flags.json ?? false)
  const { roleArn } = resolveAgentRole(name, flags)
  roleNameOf(roleArn)
  const region = environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']
  const [sts, iam] = [new SessionService({ region, signal }), new IdentityService({ region, signal })]
  try {
    await sts.whoAmI()
    // By AWS's clock, by which sessions are issued: with ours an hour behind, an hour of sessions would live on.
    const serverMs = sts.serverTimeMs()
    if (serverMs === null)
      throw new HoldfastError(
        'unreachable',
        "AWS's answer has no date, so up to when to revoke isn't known",
        { hint: "check that the endpoint is AWS's", retryable: true },
      )
    // Dates are whole seconds: what was issued in this one is to end too.
    const issuedBefore = timeText(Math.ceil((serverMs + 1000) / 1000) * 1000)
    await iam.putRolePolicy(roleArn, revocationPolicyName, renderPolicy(revocationPolicy(issuedBefore)))
    output.record('agent-revocation', { agent: name, roleArn, issuedBefore, policy: revocationPolicyName })
    output.text(
      `Sessions of ${name} issued before ${issuedBefore} are denied everything, within the seconds that IAM takes to spread it.\n` +
        `Sessions issued after it work; the policy ${revocationPolicyName} may stay, and moves with the next revocation.\n`,
    )
  } finally {
    sts.close()
    iam.close()
  }
}
