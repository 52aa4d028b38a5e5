// `holdfast agent-session`: hands an agent a session that expires with its task, or ends all that it has.
import { IdentityService, roleNameOf } from '../../aws/identity-service.ts'
import { SessionService } from '../../aws/session-service.ts'
import type { Session } from '../../aws/session-service.ts'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { revocationPolicy, revocationPolicyName } from '../../guardrails/revocation-policy.ts'
import { resolveAgentRole } from '../agent-role.ts'
import type { AgentRoleFlags } from '../agent-role.ts'
import { readDocument } from '../blast-radius/policy-set.ts'
import type { formats } from '../declare-agent-session.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { timeText } from '../render/figures.ts'
import { runTask, sessionVariables, taskEnvironment } from '../task-process.ts'

export interface AgentSessionFlags extends AgentRoleFlags {
  sourceIdentity?: string
  sessionName: string
  sessionSeconds?: number
  policy?: string
  tag: string[]
  format: typeof formats[number]
  json?: boolean
}

/** STS's shortest: a session is to end with its task. */
const defaultSeconds = 900
/** What AWS takes of a session policy, without white space. */
const longestPolicyChars = 2048

/** @throws `denied` (the trust policy says no), `invalid-input`, `credentials`, `unreachable`; a command's own status is passed on. */
export async function runAgentSession(name: string, command: readonly string[], flags: AgentSessionFlags, invocation: Invocation): Promise<void> {
  const { environment, signal } = invocation
  const roleArn = resolveAgentRole(name, flags)
  roleNameOf(roleArn)
  const session = await open(roleArn, flags, invocation)
  if (command.length > 0) {
    const status = await runTask(command, taskEnvironment(environment, session), signal)
    signal.throwIfAborted()
    return invocation.endWith?.(status)
  }
  const output = makeOutput(invocation, flags.json ?? false)
  const { accessKeyId, secretAccessKey, sessionToken, expiresMs, arn } = session
  output.record('agent-session', {
    agent: name, roleArn, arn, expires: timeText(expiresMs), sourceIdentity: flags.sourceIdentity ?? null, narrowed: flags.policy !== undefined,
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  })
  output.text(render(session, flags.format))
}

async function open(roleArn: string, flags: AgentSessionFlags, { environment, signal }: Invocation): Promise<Session> {
  const request = {
    roleArn,
    sessionName: checkName('session name', flags.sessionName),
    durationSeconds: checkSeconds(flags.sessionSeconds ?? defaultSeconds),
    ...(flags.tag.length === 0 ? {} : { tags: readTags(flags.tag) }),
    ...(flags.sourceIdentity ? { sourceIdentity: checkName('source identity', flags.sourceIdentity) } : {}),
    ...(flags.policy === undefined ? {} : { policy: readSessionPolicy(flags.policy) }),
  }
  const sts = new SessionService({ region: environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'], signal })
  try {
    return await sts.assumeRole(request)
  } catch (error) {
    if (!isHoldfastError(error, 'denied')) throw error
    const hint = request.sourceIdentity === undefined
      ? 'an agent\'s trust asks on whose behalf it runs: pass --source-identity NAME'
      : 'only launchers may assume an agent\'s role (`holdfast:launchers`), without session tags, and nobody can change the source identity of their own session'
    throw new HoldfastError('denied', error.message, { hint, context: error.context, cause: error })
  } finally {
    sts.close()
  }
}

function checkName(what: string, value: string): string {
  if (/^[\w+=,.@-]{2,64}$/.test(value)) return value
  throw new HoldfastError('invalid-input', `the ${what} is not one that AWS accepts`, { hint: 'use 2 to 64 letters, digits and characters of _+=,.@-' })
}

function checkSeconds(seconds: number): number {
  if (seconds >= 900 && seconds <= 3600) return seconds
  throw new HoldfastError('invalid-input', `a session of ${seconds} seconds is not allowed`, { hint: 'choose 900 to 3600 seconds: it should end with the task' })
}

function readTags(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf('=')
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
    throw new HoldfastError('invalid-input', 'a session tag is not KEY=VALUE', { hint: 'pass it as --tag KEY=VALUE' })
  }))
}

function readSessionPolicy(file: string): string {
  const text = JSON.stringify(readDocument(file).document)
  if (text.length <= longestPolicyChars) return text
  throw new HoldfastError('invalid-input', `the session policy has ${text.length} characters, and AWS takes ${longestPolicyChars}`, { hint: 'shorten it: what it leaves out is denied' })
}

function render(session: Session, format: AgentSessionFlags['format']): string {
  const { accessKeyId, secretAccessKey, sessionToken, expiresMs } = session
  if (format === 'credential-process') {
    // https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    return `${JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: new Date(expiresMs).toISOString() })}\n`
  }
  return Object.entries(sessionVariables(session)).map(([name, value]) => `export ${name}='${value.replaceAll('\'', '\'\\\'\'')}'\n`).join('')
}

/** Ends every session of the agent that was issued up to now. @throws `denied`, `not-found`, `credentials`, `unreachable`. */
export async function runRevocation(name: string, flags: AgentRoleFlags & { json?: boolean }, invocation: Invocation): Promise<void> {
  const { environment, signal } = invocation
  const output = makeOutput(invocation, flags.json ?? false)
  const roleArn = resolveAgentRole(name, flags)
  roleNameOf(roleArn)
  const region = environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']
  const [sts, iam] = [new SessionService({ region, signal }), new IdentityService({ region, signal })]
  try {
    await sts.whoAmI()
    // By AWS's clock, by which sessions are issued: with ours an hour behind, an hour of sessions would live on.
    const serverMs = sts.serverTimeMs()
    if (serverMs === null) throw new HoldfastError('unreachable', 'AWS\'s answer has no date, so up to when to revoke isn\'t known', { hint: 'check that the endpoint is AWS\'s', retryable: true })
    // Dates are whole seconds: what was issued in this one is to end too.
    const issuedBefore = timeText(Math.ceil((serverMs + 1000) / 1000) * 1000)
    await iam.putRolePolicy(roleArn, revocationPolicyName, renderPolicy(revocationPolicy(issuedBefore)))
    output.record('agent-revocation', { agent: name, roleArn, issuedBefore, policy: revocationPolicyName })
    output.text(`Sessions of ${name} issued before ${issuedBefore} are denied everything, within the seconds that IAM takes to spread it.\n`
      + `Sessions issued after it work; the policy ${revocationPolicyName} may stay, and moves with the next revocation.\n`)
  } finally {
    sts.close()
    iam.close()
  }
}
