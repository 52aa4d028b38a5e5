// `holdfast blast-radius`: shows what a role, a set of policies, or the credentials within reach could destroy.
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Assessment } from '../../blast-radius/assessment.ts'
import type { StatedSafeguards } from '../../blast-radius/stated-safeguards.ts'
import type { Subject } from '../../blast-radius/subject.ts'
import { failureScopes, failuresOf, judge } from '../../blast-radius/verdict.ts'
import type { FailureScope, Verdict } from '../../blast-radius/verdict.ts'
import { HoldfastError } from '../../core/errors.ts'
import type { SearchFlags, SearchReport } from '../credential-search.ts'
import type { Invocation } from '../invocation.ts'
import { jsonOption, repeatable, wholeNumber } from '../options.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import { assessmentRecord, renderAssessment } from '../render/assessment-report.ts'
import { countOf } from '../render/figures.ts'
import { regionOf } from '../role-session.ts'
import { wallClock } from '../wall-clock.ts'

interface BlastRadiusFlags extends SearchFlags {
  role?: string
  recorded?: string
  live?: boolean
  policy: string[]
  boundary?: string
  sessionPolicy?: string
  scp: string[]
  resource: string[]
  brakes?: string
  region: string[]
  failOn: FailureScope
  json?: boolean
}

export function declare(command: Command, invocation: Invocation): void {
  command.description(
    'What a role, a set of policies, or the credentials within reach could destroy, and what would bring it back.',
  )
  addPolicyOptions(command)
  addSearchOptions(command)
  command
    .optionsGroup('Output:')
    .addOption(
      new Option(
        '--fail-on <scope>',
        'end with 14 for: every action without a safeguard, only those that lose data, all, or nothing',
      )
        .choices(failureScopes)
        .default('unbraked'),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  holdfast blast-radius --here --directory .                     what would an agent find here?
  holdfast blast-radius --policy agent.json --boundary boundary.json
  holdfast blast-radius --role arn:aws:iam::111122223333:role/ci --live --brakes brakes.json
  holdfast blast-radius --directory . --json | jq -r 'select(.type == "credential") | .place.path'
  holdfast blast-radius --directory . --exclude 'test/fixtures/' --baseline .holdfast-baseline.json

The report names a credential by location and owner, never by value, and uses none of them.
A comment \`holdfast:allow\` in a value's line, or in a comment above it, lets the value pass.
Ends with 14 if something could be destroyed without a safeguard, or a credential lies within reach.
`,
    )
    .action(() => showBlastRadius(command.opts(), invocation))
}

function addPolicyOptions(command: Command): void {
  command
    .optionsGroup('A role or policies:')
    .addOption(new Option('--role <arn>', 'the role, user or group to assess'))
    .addOption(
      new Option(
        '--live',
        "use IAM's own simulator; with --here, for the role or user of the SDK's credentials",
      ),
    )
    .addOption(new Option('--recorded <file>', 'the output of `aws iam get-account-authorization-details`'))
    .addOption(
      repeatable(new Option('--policy <file>', "an identity's policy document; may be repeated"), 'none'),
    )
    .addOption(new Option('--boundary <file>', 'its permissions boundary'))
    .addOption(new Option('--session-policy <file>', 'its session policy'))
    .addOption(
      repeatable(
        new Option('--scp <file>', 'a service control policy over its account; may be repeated'),
        'none',
      ),
    )
    .addOption(
      repeatable(
        new Option('--resource <arn>', 'with --live, assess this resource too; may be repeated'),
        'those that the policies name',
      ),
    )
    .addOption(
      repeatable(
        new Option(
          '--region <name>',
          'with --live, read the safeguards in this region: name every region in use; may be repeated',
        ),
        'none',
      ),
    )
    .addOption(
      new Option(
        '--brakes <file>',
        'the safeguards that are in place; the format is in docs/blast-radius.md',
      ),
    )
}

function addSearchOptions(command: Command): void {
  command
    .optionsGroup('Credentials within reach:')
    .addOption(
      new Option(
        '--here',
        'search this environment, and where tools keep credentials below the home directory',
      ),
    )
    .addOption(
      repeatable(new Option('--directory <dir>', 'search this directory (or file); may be repeated'), 'none'),
    )
    .addOption(
      repeatable(
        new Option('--exclude <pattern>', 'skip what matches this pattern of .gitignore; may be repeated'),
        'none',
      ),
    )
    .addOption(new Option('--baseline <file>', 'fail only for credentials that this baseline lacks'))
    .addOption(
      new Option('--write-baseline <file>', 'write a baseline of the credentials found now').conflicts(
        'baseline',
      ),
    )
    .addOption(new Option('--sarif <file>', 'write a report for code scanning (SARIF 2.1.0)'))
    .addOption(
      new Option('--max-file-bytes <n>', 'skip larger files (default: 4194304)').argParser(wholeNumber),
    )
    .addOption(
      new Option(
        '--max-entries <n>',
        'stop after so many files and directories (default: 1000000)',
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option('--max-depth <n>', 'descend at most so many levels (default: 64)').argParser(wholeNumber),
    )
}

/** @throws `objective-missed` after the report, by `--fail-on`; `incomplete` if the search stopped at a limit. */
async function showBlastRadius(flags: BlastRadiusFlags, invocation: Invocation): Promise<void> {
  await checkFlags(flags)
  const output = makeOutput(invocation, flags.json ?? false)
  const { readStatedSafeguards } = await import('../../blast-radius/stated-safeguards.ts')
  const stated = flags.brakes === undefined ? {} : readStatedSafeguards(flags.brakes)
  const search = isSearch(flags) ? await reportCredentials(flags, invocation, output) : null
  const possible = hasSubject(flags) ? await reportSubject(flags, stated, invocation, output) : []
  assertNoFailures(flags.failOn, judge(possible, search?.usable ?? 0))
  search?.assertComplete()
}

/** Returns the actions that are possible. */
async function reportSubject(
  flags: BlastRadiusFlags,
  stated: StatedSafeguards,
  invocation: Invocation,
  output: Output,
): Promise<Assessment['possible']> {
  // A search doesn't load the clients of AWS.
  const { measureBlastRadius } = await import('../../blast-radius/blast-radius.ts')
  const { withPermissions } = await import('../../blast-radius/subject.ts')
  const settings = { region: regionOf(invocation), signal: invocation.signal }
  const endpoint = invocation.environment['AWS_ENDPOINT_URL']
  return withPermissions(subjectOf(flags), settings, async (source) => {
    if (source === null) return []
    const radius = await measureBlastRadius(source, {
      stated,
      regions: flags.region,
      settings: { ...settings, ...(endpoint ? { endpoint } : {}) },
      nowMs: wallClock.nowMs(),
    })
    output.record('blast-radius', assessmentRecord(radius.source, radius.assessment))
    output.text(renderAssessment(radius.source, radius.assessment))
    return radius.assessment.possible
  })
}

async function reportCredentials(
  flags: BlastRadiusFlags,
  invocation: Invocation,
  output: Output,
): Promise<SearchReport> {
  // Commands about policies don't load the parsers of the search.
  const search = await import('../credential-search.ts')
  return search.reportCredentials(flags, invocation, output)
}

/** Without one, the search alone is asked for. */
function hasSubject({ role, policy, live, boundary, sessionPolicy }: BlastRadiusFlags): boolean {
  return live === true || policy.length > 0 || (role ?? boundary ?? sessionPolicy) !== undefined
}

function isSearch(flags: BlastRadiusFlags): boolean {
  return flags.here === true || flags.directory.length > 0
}

function subjectOf(flags: BlastRadiusFlags): Subject {
  return {
    isLive: flags.live ?? false,
    policyFiles: flags.policy,
    scpFiles: flags.scp,
    resources: flags.resource,
    ...(flags.role === undefined ? {} : { role: flags.role }),
    ...(flags.recorded === undefined ? {} : { recordedFile: flags.recorded }),
    ...(flags.boundary === undefined ? {} : { boundaryFile: flags.boundary }),
    ...(flags.sessionPolicy === undefined ? {} : { sessionPolicyFile: flags.sessionPolicy }),
  }
}

/** Wrong combinations of flags, the first that applies is reported. */
const wrongUses: readonly [applies: (flags: BlastRadiusFlags) => boolean, message: string, hint: string][] = [
  [
    ({ role, policy }) => role !== undefined && policy.length > 0,
    '--role and --policy exclude each other',
    'run the command once for each',
  ],
  [
    ({ role, recorded, live }) => role !== undefined && recorded === undefined && live !== true,
    'no policies given for --role: pass --live or --recorded',
    'pass --live to use IAM, or --recorded FILE with the output of `aws iam get-account-authorization-details`',
  ],
  [
    ({ role, recorded, live }) => recorded !== undefined && (role === undefined || live === true),
    '--recorded needs --role, and excludes --live',
    'pass the role in the recording with --role ARN',
  ],
  [
    ({ live, policy, boundary, sessionPolicy, scp }) =>
      live === true &&
      (policy.length > 0 || boundary !== undefined || sessionPolicy !== undefined || scp.length > 0),
    '--live assesses a role in AWS, not documents',
    'leave --live out to assess the documents',
  ],
  [
    ({ region, live }) => region.length > 0 && live !== true,
    '--region needs --live',
    'pass --live to read the safeguards there, or state them with --brakes',
  ],
  [
    (flags) => !isSearch(flags) && (flags.baseline ?? flags.writeBaseline ?? flags.sarif) !== undefined,
    '--baseline, --write-baseline and --sarif need a search',
    'pass --here or --directory DIR',
  ],
  [
    (flags) => flags.role === undefined && flags.policy.length === 0 && !isSearch(flags),
    'no subject given: pass --role, --policy, --here or --directory',
    'pass --role ARN, --policy FILE, --here, or --directory DIR',
  ],
]

async function checkFlags(flags: BlastRadiusFlags): Promise<void> {
  const wrongUse = wrongUses.find(([applies]) => applies(flags))
  if (wrongUse !== undefined) throw new HoldfastError('invalid-input', wrongUse[1], { hint: wrongUse[2] })
  if (flags.region.length === 0) return
  const { assertRegion } = await import('../../aws/json-services.ts')
  flags.region.forEach(assertRegion)
}

function assertNoFailures(scope: FailureScope, verdict: Verdict): void {
  const { actions, credentials } = failuresOf(verdict, scope)
  if (actions + credentials === 0) return
  const qualifier = scope === 'destructive' ? 'possible' : 'possible without a safeguard'
  const failures = [
    ...(actions === 0 ? [] : [`${countOf(actions, 'destructive action')} ${qualifier}`]),
    ...(credentials === 0 ? [] : [`${countOf(credentials, 'credential')} within reach`]),
  ]
  throw new HoldfastError('objective-missed', failures.join(', '), {
    hint: 'remove the permission, put a safeguard in place, or revoke the credential; --fail-on sets what counts',
    context: { ...verdict },
  })
}
