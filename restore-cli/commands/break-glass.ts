// `holdfast break-glass`: a session for destructive actions, with a reason; and a second human's approval of it.
import { IdentityService } from '../../aws/identity-service.ts'
import { HoldfastError } from '../../core/errors.ts'
import { approvalPolicy } from '../../guardrails/break-glass-policy.ts'
import { reasonTag } from '../../guardrails/names.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import type { formats } from '../declare-agent-session.ts'
import { readMfaCode } from '../mfa-prompt.ts'
import { makeOutput } from '../output.ts'
import { readProductionConfiguration } from '../production-configuration.ts'
import type { ProductionConfiguration } from '../production-configuration.ts'
import type { Invocation } from '../program.ts'
import { timeText } from '../render/figures.ts'
import { checkName, checkSeconds, handOut, openSession } from '../role-session.ts'
import { wallClock } from '../wall-clock.ts'

export interface BreakGlassFlags {
  config?: string
  reason?: string
  sourceIdentity?: string
  sessionSeconds?: number
  mfaSerial?: string
  format: (typeof formats)[number]
  json?: boolean
}

const longestSeconds = 3600
const minuteMs = 60_000

/** @throws `denied` (the trust policy says no), `invalid-input`, `credentials`, `unreachable`; a command's own status is passed on. */
export async function runBreakGlass(
  command: readonly string[],
  flags: BreakGlassFlags,
  invocation: Invocation,
): Promise<void> {
  const reason = checkReason(flags.reason)
  const sourceIdentity = checkName('source identity', flags.sourceIdentity ?? '')
  const { breakGlass: roleArn, approval } = readConfiguration(flags.config)
  if (roleArn === null)
    throw new HoldfastError('not-found', 'no break-glass role is declared', {
      hint: 'name who may break the glass in `holdfast:breakGlass`',
    })
  const durationSeconds = checkSeconds(flags.sessionSeconds ?? longestSeconds)
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
    "whoever is named in `holdfast:breakGlass` may, with a second factor (--mfa-serial, or Identity Center's tag) and under the name that they already carry",
  )
  await handOut(session, command, flags, invocation, {
    type: 'break-glass',
    roleArn,
    arn: session.arn,
    expires: timeText(session.expiresMs),
    sourceIdentity,
    reason,
    needsApproval: approval !== null,
  })
}

function readConfiguration(file: string | undefined): ProductionConfiguration {
  if (file) return readProductionConfiguration(file)
  throw new HoldfastError('invalid-input', 'which role it is, is not said', {
    hint: "pass --config FILE with what `pulumi stack output --json` prints in the production layer's stack",
  })
}

/** As AWS takes it for the value of a session tag. */
function checkReason(reason = ''): string {
  if (/^[\p{L}\p{Z}\p{N}_.:/=+@-]{3,256}$/u.test(reason) && reason.trim().length >= 3) return reason
  throw new HoldfastError('invalid-input', 'the reason is not one that AWS takes as the value of a tag', {
    hint: 'use 3 to 256 letters, digits, spaces and characters of _.:/=+-@: it wakes somebody, and stays in the audit trail',
  })
}

/** Says that `sourceIdentity` may break the glass for so long; `minutes` of 0 says that nobody may. @throws `denied`, `not-found`, `invalid-input`. */
export async function runApproval(
  sourceIdentity: string,
  flags: { config?: string; minutes: number; json?: boolean },
  invocation: Invocation,
): Promise<void> {
  const { environment, signal } = invocation
  checkName('source identity', sourceIdentity)
  if (flags.minutes > 60)
    throw new HoldfastError('invalid-input', 'an approval of more than an hour is not given', {
      hint: 'choose 0 (which takes it back) to 60 minutes',
    })
  const { approval } = readConfiguration(flags.config)
  if (approval === null)
    throw new HoldfastError('not-found', 'no approval is asked for', {
      hint: 'name who approves in `holdfast:approvers`, and run `pulumi up` in the production layer',
    })
  // By this clock: AWS compares with its own, so one that is ahead approves for longer, by as much.
  const until = timeText(wallClock.nowMs() + flags.minutes * minuteMs)
  const iam = new IdentityService({
    region: environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'],
    signal,
  })
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
      ? 'Break-glass is approved for nobody: what runs with it is denied, within the seconds that IAM takes to spread it.\n'
      : `${sourceIdentity} may break the glass until ${until}, and nobody else; what runs then is denied. IAM takes seconds to spread it.\n`,
  )
}
