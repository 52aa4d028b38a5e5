// `holdfast agent-session`: opens a session that expires with an agent's task. Its sub-command `revoke` ends them
// early.
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { timeText } from '../../core/time-text.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { revocationPolicy, revocationPolicyName } from '../../guardrails/revocation-policy.ts'
import type { AgentRole, AgentRoleFlags } from '../agent-role.ts'
import type { Invocation } from '../invocation.ts'
import {
  jsonOption,
  productionConfigOption,
  repeatable,
  sessionFormatOption,
  sourceIdentityOption,
  wholeNumber,
} from '../options.ts'
import type { SessionFormat } from '../options.ts'
import { makeOutput } from '../output.ts'
import { checkName, checkSeconds, handOut, openSession, regionOf } from '../role-session.ts'

interface AgentSessionFlags extends AgentRoleFlags {
  sourceIdentity?: string
  sessionName: string
  sessionSeconds?: number
  policy?: string
  tag: string[]
  format: SessionFormat
  json?: boolean
}

/** The minimum of STS, because a session should end with its task. */
const defaultSeconds = 900
/** AWS's limit for a session policy, without white space. */
const maxPolicyChars = 2048

export function declare(command: Command, invocation: Invocation): void {
  command
    .description(
      "Open a session of an agent's role that expires with the task, and run a command with it or print it.",
    )
    .argument('<name>', 'the agent, as `holdfast:agents` declares it')
    .argument(
      '[command...]',
      'after `--`: run this with the session in its environment, and end with its status',
    )
    .addOption(
      sourceIdentityOption(
        'the person that the agent acts for: it stays in the audit trail through every further role',
      ),
    )
    .addOption(
      new Option('--session-name <name>', 'the task, for the audit trail').default('holdfast-agent-session'),
    )
    .addOption(
      new Option('--session-seconds <n>', 'length of the session, 900 to 3600 (default: 900)')
        .env('HOLDFAST_SESSION_SECONDS')
        .argParser(wholeNumber),
    )
    .addOption(
      new Option('--policy <file>', 'narrow the session to what both the role and this policy allow'),
    )
    .addOption(
      repeatable(
        new Option(
          '--tag <key=value>',
          'a session tag, if the trust policy accepts session tags; may be repeated',
        ),
        'none',
      ),
    )
    .addOption(sessionFormatOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast agent-session staging --config production.json --source-identity maria -- npm test
  holdfast agent-session staging --account 111122223333 --policy read-only.json --source-identity maria -- ./task.sh
  eval "$(holdfast agent-session staging --config production.json --source-identity maria)"
  holdfast agent-session revoke staging --config production.json     end all sessions issued up to now

Credentials come from the AWS SDK's default chain, and must be a launcher's. Nothing is written to disk.
`,
    )
    .action((name: string, task: string[]) => startSession(name, task, command.opts(), invocation))
  addRoleOptions(command)
  declareRevoke(command.command('revoke'), invocation)
}

function declareRevoke(command: Command, invocation: Invocation): void {
  command
    .description('End all sessions of an agent that were issued up to now, by a deny on their issue time.')
    .argument('<name>', 'the agent')
    .addHelpText(
      'after',
      `
Examples:
  holdfast agent-session revoke staging --config production.json

Needs iam:PutRolePolicy on the agent's role. Sessions issued later work.
`,
    )
    // Commander gives an option that the parent command declares too to the parent.
    .action((name: string) => revokeSessions(name, command.optsWithGlobals(), invocation))
  addRoleOptions(command)
}

function addRoleOptions(command: Command): void {
  command
    .optionsGroup("The agent's role:")
    .addOption(productionConfigOption())
    .addOption(new Option('--account <id>', 'the production account, if there is no configuration'))
    .addOption(new Option('--role-arn <arn>', 'the role itself'))
    .optionsGroup('Output:')
    .addOption(jsonOption())
}

/**
 * @throws `denied` (by the trust policy), `invalid-input`, `credentials`, `unreachable`; ends with the task's exit
 * status.
 */
async function startSession(
  name: string,
  task: readonly string[],
  flags: AgentSessionFlags,
  invocation: Invocation,
): Promise<void> {
  const role = await findRole(name, flags)
  const request = {
    roleArn: role.roleArn,
    sessionName: checkName('session name', flags.sessionName),
    durationSeconds: checkSeconds(flags.sessionSeconds ?? role.sessionSeconds ?? defaultSeconds),
    ...(flags.tag.length === 0 ? {} : { tags: readTags(flags.tag) }),
    ...(flags.sourceIdentity ? { sourceIdentity: checkName('source identity', flags.sourceIdentity) } : {}),
    ...(flags.policy === undefined ? {} : { policy: await readSessionPolicy(flags.policy) }),
  }
  const session = await openSession(
    request,
    invocation,
    request.sourceIdentity === undefined
      ? "an agent's trust policy requires the name of the person that it acts for: pass --source-identity NAME"
      : "only launchers may assume an agent's role (`holdfast:launchers`), without session tags; no session can change its own source identity",
  )
  const record = {
    type: 'agent-session',
    agent: name,
    roleArn: role.roleArn,
    arn: session.arn,
    expires: timeText(session.expiresMs),
    sourceIdentity: flags.sourceIdentity ?? null,
    narrowed: flags.policy !== undefined,
  }
  await handOut(
    { session, command: task, format: flags.format, json: flags.json ?? false, record },
    invocation,
  )
}

async function findRole(name: string, flags: AgentRoleFlags): Promise<AgentRole> {
  const { resolveAgentRole } = await import('../agent-role.ts')
  const { roleNameOf } = await import('../../aws/identity-service.ts')
  const role = resolveAgentRole(name, flags)
  // Refuse an ARN that names no role, before it gets to AWS.
  roleNameOf(role.roleArn)
  return role
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

async function readSessionPolicy(file: string): Promise<string> {
  const { readDocument } = await import('../../blast-radius/policy-set.ts')
  const text = JSON.stringify(readDocument(file).document)
  if (text.length <= maxPolicyChars) return text
  throw new HoldfastError(
    'invalid-input',
    `the session policy has ${text.length} characters, and AWS accepts at most ${maxPolicyChars}`,
    { hint: 'shorten the file of --policy: the session is denied everything that it leaves out' },
  )
}

/**
 * Ends every session of the agent that was issued up to now.
 * @throws `denied`, `not-found`, `credentials`, `unreachable`.
 */
async function revokeSessions(
  name: string,
  flags: AgentRoleFlags & { json?: boolean },
  invocation: Invocation,
): Promise<void> {
  const output = makeOutput(invocation, flags.json ?? false)
  const { roleArn } = await findRole(name, flags)
  const { IdentityService } = await import('../../aws/identity-service.ts')
  const { SessionService } = await import('../../aws/session-service.ts')
  const settings = { region: regionOf(invocation), signal: invocation.signal }
  const [sts, iam] = [new SessionService(settings), new IdentityService(settings)]
  try {
    await sts.whoAmI()
    // Use AWS's clock, because AWS issues the sessions: with a local clock an hour behind, an hour of sessions would
    // live on.
    const serverMs = sts.serverTimeMs()
    if (serverMs === null)
      throw new HoldfastError(
        'unreachable',
        "AWS's response has no date, so the time up to which to revoke is unknown",
        { hint: 'check that the endpoint belongs to AWS', retryable: true },
      )
    // Round up to the next second: the revocation must include sessions issued within this one.
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
