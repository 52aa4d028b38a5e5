// `holdfast break-glass`: opens a session for destructive actions, with a reason. Its sub-command `approve` is the
// second human's.
import { Option } from 'commander'
import type { Command } from 'commander'
import { HoldfastError } from '../../core/errors.ts'
import { timeText } from '../../core/time-text.ts'
import { approvalPolicy } from '../../guardrails/break-glass-policy.ts'
import { reasonTag } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { Invocation } from '../invocation.ts'
import { readMfaCode } from '../mfa-prompt.ts'
import {
  jsonOption,
  productionConfigOption,
  sessionFormatOption,
  sourceIdentityOption,
  wholeNumber,
} from '../options.ts'
import type { SessionFormat } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { ProductionConfiguration } from '../production-configuration.ts'
import { checkName, checkSeconds, handOut, openSession, regionOf } from '../role-session.ts'
import { wallClock } from '../wall-clock.ts'

interface BreakGlassFlags {
  config?: string
  reason?: string
  sourceIdentity?: string
  sessionSeconds?: number
  mfaSerial?: string
  format: SessionFormat
  json?: boolean
}

interface ApprovalFlags {
  config?: string
  minutes: number
  json?: boolean
}

const defaultSeconds = 3600
const minuteMs = 60_000

export function declare(command: Command, invocation: Invocation): void {
  // The action checks the mandatory options itself: Commander would require those declared here of `approve` too.
  command
    .description(
      'Open a session for destructive actions in production: second factor, a reason, an hour at most. On-call is paged.',
    )
    .argument(
      '[command...]',
      'after `--`: run this with the session in its environment, and end with its status',
    )
    .addOption(productionConfigOption())
    .addOption(
      new Option('--reason <text>', "the reason: in the session's tags, and in the audit trail; needed"),
    )
    .addOption(
      sourceIdentityOption('your name: in the audit trail, and the name that approvals are for; needed'),
    )
    .addOption(
      new Option('--mfa-serial <arn>', 'your second factor; the terminal asks for its code').env(
        'HOLDFAST_MFA_SERIAL',
      ),
    )
    .addOption(
      new Option('--session-seconds <n>', 'length of the session, 900 to 3600 (default: 3600)').argParser(
        wholeNumber,
      ),
    )
    .addOption(sessionFormatOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast break-glass --config production.json --source-identity maria --mfa-serial arn:aws:iam::111122223333:mfa/maria \\
    --reason 'volume of the old cluster, ticket 4711' -- aws ec2 delete-volume --volume-id vol-1
  holdfast break-glass approve maria --config production.json     as an approver, before

Credentials come from the AWS SDK's default chain, and must be of someone in \`holdfast:breakGlass\`. Nothing is written to disk.
`,
    )
    .action((task: string[]) => breakGlass(task, command.opts(), invocation))
  declareApprove(command.command('approve'), invocation)
}

function declareApprove(command: Command, invocation: Invocation): void {
  command
    .description(
      'Approve break-glass for one person, for an hour at most. Where `holdfast:approvers` are named, break-glass needs it.',
    )
    .argument('<name>', 'the source identity that it is for')
    .addOption(productionConfigOption())
    .addOption(
      new Option('--minutes <n>', 'for how long, 0 to 60; 0 takes every approval back')
        .argParser(wholeNumber)
        .default(60),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast break-glass approve maria --config production.json --minutes 30
  holdfast break-glass approve maria --config production.json --minutes 0     end it early

Credentials must be of the approver's role (\`approval.approver\` in the configuration).
`,
    )
    // Commander gives an option that the parent command declares too to the parent.
    .action((name: string) => approve(name, command.optsWithGlobals(), invocation))
}

/**
 * @throws `denied` (by the trust policy), `invalid-input`, `credentials`, `unreachable`; ends with the task's exit
 * status.
 */
async function breakGlass(
  task: readonly string[],
  flags: BreakGlassFlags,
  invocation: Invocation,
): Promise<void> {
  const reason = checkReason(flags.reason)
  const sourceIdentity = checkName('source identity', flags.sourceIdentity ?? '')
  const { breakGlass: roleArn, approval } = await readConfiguration(flags.config)
  if (roleArn === null)
    throw new HoldfastError('not-found', 'the configuration has no break-glass role', {
      hint: 'name the people who may break the glass in `holdfast:breakGlass`, and run `pulumi up` in the production layer',
    })
  const durationSeconds = checkSeconds(flags.sessionSeconds ?? defaultSeconds)
  const secondFactor = flags.mfaSerial
    ? { serial: flags.mfaSerial, code: await readMfaCode(flags.mfaSerial, invocation.signal) }
    : undefined
  const session = await openSession(
    {
      roleArn,
      sessionName: sourceIdentity,
      sourceIdentity,
      durationSeconds,
      tags: { [reasonTag]: reason },
      ...(secondFactor === undefined ? {} : { secondFactor }),
    },
    invocation,
    "only people named in `holdfast:breakGlass` may break the glass, with a second factor (--mfa-serial, or Identity Center's tag) and under the source identity that they already carry",
  )
  const record = {
    type: 'break-glass',
    roleArn,
    arn: session.arn,
    expires: timeText(session.expiresMs),
    sourceIdentity,
    reason,
    needsApproval: approval !== null,
  }
  await handOut(
    { session, command: task, format: flags.format, json: flags.json ?? false, record },
    invocation,
  )
}

async function readConfiguration(file: string | undefined): Promise<ProductionConfiguration> {
  if (file) {
    const { readProductionConfiguration } = await import('../production-configuration.ts')
    return readProductionConfiguration(file)
  }
  throw new HoldfastError('invalid-input', 'no production configuration given: pass --config', {
    hint: "pass --config FILE with the output of `pulumi stack output --json` in the production layer's stack",
  })
}

/** The characters are those that AWS accepts in the value of a session tag. */
function checkReason(reason = ''): string {
  if (/^[\p{L}\p{Z}\p{N}_.:/=+@-]{3,256}$/u.test(reason) && reason.trim().length >= 3) return reason
  throw new HoldfastError('invalid-input', 'AWS does not accept this --reason as the value of a tag', {
    hint: 'use 3 to 256 letters, digits, spaces and characters of _.:/=+-@: the reason is in the page to on-call, and stays in the audit trail',
  })
}

/**
 * Approves break-glass for `sourceIdentity` alone; `minutes` of 0 takes every approval back.
 * @throws `denied`, `not-found`, `invalid-input`.
 */
async function approve(sourceIdentity: string, flags: ApprovalFlags, invocation: Invocation): Promise<void> {
  checkName('source identity', sourceIdentity)
  if (flags.minutes > 60)
    throw new HoldfastError('invalid-input', 'an approval lasts an hour at most', {
      hint: 'pass --minutes 0 (which takes it back) to 60',
    })
  const { approval } = await readConfiguration(flags.config)
  if (approval === null)
    throw new HoldfastError('not-found', 'break-glass needs no approval in this configuration', {
      hint: 'name the approvers in `holdfast:approvers`, and run `pulumi up` in the production layer',
    })
  // AWS compares with its own clock: a local clock that is ahead makes the approval longer by as much.
  const until = timeText(wallClock.nowMs() + flags.minutes * minuteMs)
  const { IdentityService } = await import('../../aws/identity-service.ts')
  const iam = new IdentityService({ region: regionOf(invocation), signal: invocation.signal })
  try {
    await iam.replacePolicy(
      approval.policyArn,
      renderPolicy(approvalPolicy(flags.minutes === 0 ? null : { sourceIdentity, until })),
    )
  } finally {
    iam.close()
  }
  const output = makeOutput(invocation, flags.json ?? false)
  output.record('break-glass-approval', {
    sourceIdentity: flags.minutes === 0 ? null : sourceIdentity,
    until: flags.minutes === 0 ? null : until,
    policyArn: approval.policyArn,
  })
  output.text(
    flags.minutes === 0
      ? 'No break-glass session is approved: AWS denies them everything, within the seconds that IAM takes to spread it.\n'
      : `Only ${sourceIdentity} may break the glass, until ${until}; after it AWS denies the session everything. IAM takes seconds to spread it.\n`,
  )
}
