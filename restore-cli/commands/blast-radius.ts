// `holdfast blast-radius`: what a role, a set of policies, or whatever credentials lie around could destroy.
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { BucketSettings } from '../../aws/bucket-settings.ts'
import { DatabaseSettings } from '../../aws/database-settings.ts'
import { DelaySettings } from '../../aws/delay-settings.ts'
import { IdentityService } from '../../aws/identity-service.ts'
import { assertRegion, JsonServices } from '../../aws/json-services.ts'
import { SessionService } from '../../aws/session-service.ts'
import { HoldfastError } from '../../core/errors.ts'
import { credentialPlaces } from '../../blast-radius/search/places.ts'
import { defaultLimits, searchCredentials } from '../../blast-radius/search/search.ts'
import type { SearchResult } from '../../blast-radius/search/search.ts'
import { actionsToAsk, assess, isUnbraked } from '../../blast-radius/assessment.ts'
import type { Assessment } from '../../blast-radius/assessment.ts'
import { readBrakes as readSaidBrakes } from '../../blast-radius/safeguards-in-place.ts'
import type { BrakesInPlace } from '../../blast-radius/safeguards-in-place.ts'
import { correctBrakes, readBrakesInPlace } from '../../blast-radius/live-safeguards.ts'
import type { BrakeReadings } from '../../blast-radius/live-safeguards.ts'
import { askIam } from '../../blast-radius/live-hops.ts'
import type { Permission, PermissionSource } from '../../blast-radius/permissions.ts'
import { evaluatePolicies } from '../../blast-radius/policy-evaluator.ts'
import { evaluateWithHops } from '../../blast-radius/role-hops.ts'
import { readDocument, readPolicySet, readRecordedAccount } from '../../blast-radius/policy-set.ts'
import type { failOnChoices } from '../declare-blast-radius.ts'
import { makeOutput } from '../output.ts'
import type { Output } from '../output.ts'
import type { Invocation } from '../program.ts'
import { assessmentRecord, renderAssessment } from '../render/assessment-report.ts'
import { findingRecord, isSpent, renderSearch, searchRecord } from '../render/credential-report.ts'
import { bytesText, countOf } from '../render/figures.ts'
import { wallClock } from '../wall-clock.ts'

export interface BlastRadiusFlags {
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
  here?: boolean
  directory: string[]
  exclude: string[]
  maxFileBytes?: number
  maxEntries?: number
  maxDepth?: number
  failOn: (typeof failOnChoices)[number]
  json?: boolean
}

/** Something that the report has and the caller doesn't want: `objective-missed` ends with how much of it there is. */
interface Verdict {
  unbraked: number
  unbrakedData: number
  destructive: number
  credentials: number
}

/** @throws `objective-missed` after the report, by `--fail-on`; `incomplete` if the search stopped at a limit. */
export async function runBlastRadius(flags: BlastRadiusFlags, invocation: Invocation): Promise<void> {
  checkFlags(flags)
  const output = makeOutput(invocation, flags.json ?? false)
  const brakes = flags.brakes === undefined ? {} : readSaidBrakes(flags.brakes)
  const verdict: Verdict = { unbraked: 0, unbrakedData: 0, destructive: 0, credentials: 0 }
  let search: SearchResult | null = null
  if (flags.here === true || flags.directory.length > 0) {
    search = await searchAround(flags, invocation, output)
    verdict.credentials = search.findings.filter((finding) => !isSpent(finding, wallClock.nowMs())).length
  }
  await withSource(flags, invocation, async (source) => {
    if (source !== null) judge(await report(source, brakes, flags, invocation, output), verdict)
  })
  conclude(flags.failOn, verdict, search)
}

function checkFlags(flags: BlastRadiusFlags): void {
  const isSearch = flags.here === true || flags.directory.length > 0
  const wrong =
    flags.role !== undefined && flags.policy.length > 0
      ? ['--role and --policy ask for two different answers', 'run it once for each']
      : flags.role !== undefined && flags.recorded === undefined && flags.live !== true
        ? [
            "where the role's policies come from is not said",
            'pass --live to ask IAM, or --recorded FILE with what `aws iam get-account-authorization-details` printed',
          ]
        : flags.recorded !== undefined && (flags.role === undefined || flags.live === true)
          ? [
              '--recorded goes with --role, and not with --live',
              'name the role in the recording with --role ARN',
            ]
          : flags.live === true &&
              (flags.policy.length > 0 ||
                flags.boundary !== undefined ||
                flags.sessionPolicy !== undefined ||
                flags.scp.length > 0)
            ? [
                '--live asks about a role as it is, not about documents',
                'leave --live out to decide on the documents here',
              ]
            : flags.region.length > 0 && flags.live !== true
              ? [
                  '--region goes with --live',
                  'pass --live to look which brakes are in place there, or say it with --brakes',
                ]
              : flags.role === undefined && flags.policy.length === 0 && !isSearch
                ? [
                    'whose blast radius is not said',
                    'pass --role ARN, --policy FILE, --here, or --directory DIR',
                  ]
                : null
  if (wrong !== null) throw new HoldfastError('invalid-input', wrong[0]!, { hint: wrong[1]! })
  flags.region.forEach(assertRegion)
}

async function searchAround(
  flags: BlastRadiusFlags,
  invocation: Invocation,
  output: Output,
): Promise<SearchResult> {
  const { environment, signal } = invocation
  const isHere = flags.here === true
  const progress = output.progress()
  try {
    const result = await searchCredentials({
      roots: flags.directory.map((directory) => resolve(directory)),
      places: isHere ? credentialPlaces(environment['HOME'] || homedir(), environment) : [],
      environment: isHere ? environment : {},
      limits: {
        maxEntries: flags.maxEntries ?? defaultLimits.maxEntries,
        maxDepth: flags.maxDepth ?? defaultLimits.maxDepth,
        maxFileBytes: flags.maxFileBytes ?? defaultLimits.maxFileBytes,
        maxFindings: defaultLimits.maxFindings,
        exclude: flags.exclude,
      },
      signal,
      onProgress: (figures) =>
        progress.update(`${countOf(figures.files, 'file')} searched, ${bytesText(figures.bytes)}`, {
          ...figures,
        }),
    })
    progress.stop()
    const missing = result.skipped.find(({ reason }) => reason === 'not-found')
    if (missing !== undefined)
      throw new HoldfastError('not-found', `${missing.path} is not there`, {
        hint: 'name an existing directory or file',
      })
    for (const finding of result.findings)
      output.record('credential', findingRecord(finding, wallClock.nowMs()))
    output.record('search', searchRecord(result))
    output.text(renderSearch(result, wallClock.nowMs()))
    return result
  } finally {
    progress.stop()
  }
}

async function withSource(
  flags: BlastRadiusFlags,
  { environment, signal }: Invocation,
  use: (source: PermissionSource | null) => Promise<void>,
): Promise<void> {
  if (flags.live !== true) return use(await recordedSource(flags))
  const region = environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']
  const iam = new IdentityService({ region, signal })
  try {
    await use(
      await askIam(iam, flags.role ?? (await roleAtHand(region, signal)), { resources: flags.resource }),
    )
  } finally {
    iam.close()
  }
}

async function recordedSource(flags: BlastRadiusFlags): Promise<PermissionSource | null> {
  const extra = {
    ...(flags.boundary === undefined ? {} : { boundary: readDocument(flags.boundary) }),
    ...(flags.sessionPolicy === undefined ? {} : { session: readDocument(flags.sessionPolicy) }),
  }
  if (flags.role !== undefined) {
    const account = readRecordedAccount(flags.recorded!)
    return evaluateWithHops(account, {
      ...account.policiesOf(flags.role),
      scps: flags.scp.map(readDocument),
      ...extra,
    })
  }
  if (flags.policy.length === 0) return null
  return evaluatePolicies({ ...readPolicySet({ identity: flags.policy, scps: flags.scp }), ...extra })
}

/** The role that the SDK's default chain finds: what an agent on this machine is. */
async function roleAtHand(region: string | undefined, signal: AbortSignal): Promise<string> {
  const sts = new SessionService({ region, signal })
  try {
    const { arn, accountId } = await sts.whoAmI()
    const role = /^arn:([\w-]+):sts::\d{12}:assumed-role\/([\w+=,.@-]{1,64})\//.exec(arn)
    if (role !== null) return `arn:${role[1]!}:iam::${accountId}:role/${role[2]!}`
    throw new HoldfastError('invalid-input', `the credentials at hand are ${arn}, not a role's`, {
      hint: arn.endsWith(':root')
        ? "they are the root user's, which no policy of its account limits: delete its access keys"
        : "a user's key lives for ever: replace it by a role, and ask about that with --role",
    })
  } finally {
    sts.close()
  }
}

async function report(
  source: PermissionSource,
  said: BrakesInPlace,
  { region: regions }: BlastRadiusFlags,
  invocation: Invocation,
  output: Output,
): Promise<Assessment> {
  const permissions = await source.decide(actionsToAsk())
  const readings =
    regions.length === 0 ? (new Map() as BrakeReadings) : await readBrakes(permissions, regions, invocation)
  const assessment = assess(permissions, correctBrakes(said, readings), wallClock.nowMs(), readings)
  const ofBrakes = new Set([...readings.values()].flatMap(({ caveat }) => caveat ?? []))
  const shown =
    regions.length === 0
      ? source
      : {
          ...source,
          caveats: [
            ...source.caveats,
            `brakes were looked for in ${regions.join(', ')}: nothing is taken to lie in another region`,
            ...ofBrakes,
          ],
        }
  output.record('blast-radius', assessmentRecord(shown, assessment))
  output.text(renderAssessment(shown, assessment))
  return assessment
}

async function readBrakes(
  permissions: readonly Permission[],
  regions: readonly string[],
  { environment, signal }: Invocation,
): Promise<BrakeReadings> {
  const endpoint = environment['AWS_ENDPOINT_URL']
  const settings = { region: regions[0], signal, ...(endpoint ? { endpoint } : {}) }
  const buckets = new BucketSettings(settings)
  try {
    return await readBrakesInPlace(
      {
        buckets,
        databases: new DatabaseSettings(settings),
        delays: new DelaySettings(new JsonServices(settings)),
        regions,
        nowMs: wallClock.nowMs(),
      },
      permissions,
    )
  } finally {
    buckets.close()
  }
}

function judge({ possible }: Assessment, verdict: Verdict): void {
  const unbraked = possible.filter(isUnbraked)
  verdict.destructive += possible.length
  verdict.unbraked += unbraked.length
  verdict.unbrakedData += unbraked.filter(({ loss }) => loss === 'data' || loss === 'readability').length
}

function conclude(failOn: BlastRadiusFlags['failOn'], verdict: Verdict, search: SearchResult | null): void {
  const actions = {
    unbraked: verdict.unbraked,
    data: verdict.unbrakedData,
    destructive: verdict.destructive,
    never: 0,
  }[failOn]
  const credentials = failOn === 'never' ? 0 : verdict.credentials
  if (actions + credentials > 0) {
    const what = [
      ...(actions === 0
        ? []
        : [
            `${countOf(actions, 'destructive action')} ${failOn === 'destructive' ? 'possible' : 'possible without a brake'}`,
          ]),
      ...(credentials === 0 ? [] : [`${countOf(credentials, 'credential')} within reach`]),
    ]
    throw new HoldfastError('objective-missed', what.join(', '), {
      hint: 'take the right away, put a brake in its place, or revoke the credential; --fail-on says what counts',
      context: { ...verdict },
    })
  }
  const { 'too-many-entries': entries = 0, 'too-deep': deep = 0 } = search?.skippedCounts ?? {}
  if (entries + deep > 0) {
    throw new HoldfastError(
      'incomplete',
      'the search stopped at a limit: what lies beyond it was not looked at',
      {
        hint: 'search a smaller directory, leave directories out (--exclude), or raise the limit (--max-entries, --max-depth)',
      },
    )
  }
}
