// The port on IAM: what a role's documents say, what IAM's own simulator makes of them, and two writes: an inline policy, and
// another version of a managed one.
import {
  CreatePolicyVersionCommand,
  DeletePolicyVersionCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPolicyVersionsCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam'
import type { EvaluationResult, Role, SimulatePrincipalPolicyCommandInput } from '@aws-sdk/client-iam'
import { HoldfastError } from '../core/errors.ts'
import { askUntil, clientSettings } from './service-settings.ts'
import type { Ask, ServiceSettings } from './service-settings.ts'

export interface RoleDocuments {
  arn: string
  tags: Record<string, string>
  /** Inline by name, attached by ARN; JSON as IAM stores it. */
  identity: { name: string; json: string }[]
  boundary: { name: string; json: string } | null
}

/** Who may become a role: its trust, JSON as IAM stores it. */
export interface RoleTrust {
  arn: string
  trustJson: string
}

export interface SimulatedDecision {
  action: string
  resource: string
  allowed: boolean
  /** A statement denies it: no other policy, a resource's own included, can allow it. */
  deniedExpressly: boolean
  /** Context keys that the policies ask for and the simulation didn't have: the decision may be another with them. */
  missingContext: string[]
  /** The policies whose statements matched, as IAM names them. */
  matchedPolicies: string[]
  /** What cut it off where the role's own policies allow: the organization, or the boundary. */
  cutOffBy: 'organization' | 'boundary' | null
}

/** Pages of one listing; a role can have 20 attached policies, and inline ones of 10,240 characters together. */
const mostPages = 100
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const mostPolicyVersions = 5
/** A role's name, whose ARN may have a path before it. */
const roleArnPattern = /^arn:aws[a-z-]{0,20}:iam::\d{12}:role\/(?:[\x21-\x7e]{1,511}\/)?([\w+=,.@-]{1,64})$/

export class IdentityService {
  private readonly client: IAMClient
  private readonly ask: Ask

  constructor(settings: ServiceSettings = {}) {
    this.ask = askUntil(settings.signal)
    this.client = new IAMClient(clientSettings(settings))
  }

  /** Every document that limits the role in its account. @throws `denied`, `not-found`, `credentials`, `unreachable`. */
  async readRole(roleArn: string): Promise<RoleDocuments> {
    const RoleName = roleNameOf(roleArn)
    const role = await this.ask(
      `reading the role ${roleArn}`,
      async (abort): Promise<Role | undefined> =>
        (await this.client.send(new GetRoleCommand({ RoleName }), abort)).Role,
    )
    if (role?.Arn === undefined) throw unreadable(`the role ${roleArn}`)
    const inlineNames = await this.list(`listing the policies of ${roleArn}`, async (Marker, abort) => {
      const page = await this.client.send(new ListRolePoliciesCommand({ RoleName, Marker }), abort)
      return { items: page.PolicyNames ?? [], next: page.IsTruncated === true ? page.Marker : undefined }
    })
    const attachedArns = await this.list(`listing the policies of ${roleArn}`, async (Marker, abort) => {
      const page = await this.client.send(new ListAttachedRolePoliciesCommand({ RoleName, Marker }), abort)
      return {
        items: (page.AttachedPolicies ?? []).flatMap(({ PolicyArn }) => PolicyArn ?? []),
        next: page.IsTruncated === true ? page.Marker : undefined,
      }
    })
    const identity: RoleDocuments['identity'] = []
    for (const PolicyName of inlineNames) {
      const document = await this.ask(
        `reading the policy ${PolicyName} of ${roleArn}`,
        async (abort) =>
          (await this.client.send(new GetRolePolicyCommand({ RoleName, PolicyName }), abort)).PolicyDocument,
      )
      identity.push({ name: PolicyName, json: decodeDocument(document, PolicyName) })
    }
    for (const arn of attachedArns) identity.push(await this.readManaged(arn))
    const boundaryArn = role.PermissionsBoundary?.PermissionsBoundaryArn
    return {
      arn: role.Arn,
      tags: Object.fromEntries((role.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? ''])),
      identity,
      boundary: boundaryArn === undefined ? null : await this.readManaged(boundaryArn),
    }
  }

  /** Every role of the account, and who may become it. @throws `denied`, `credentials`, `unreachable`. */
  async listRoles(): Promise<RoleTrust[]> {
    const roles = await this.list('listing the roles of the account', async (Marker, abort) => {
      const page = await this.client.send(new ListRolesCommand({ Marker, MaxItems: 1000 }), abort)
      return { items: page.Roles ?? [], next: page.IsTruncated === true ? page.Marker : undefined }
    })
    return roles.map(({ Arn: arn = '', AssumeRolePolicyDocument: trust }) => {
      if (!roleArnPattern.test(arn)) throw unreadable('the roles of the account')
      return { arn, trustJson: decodeDocument(trust, `that says who may become ${arn}`) }
    })
  }

  /** IAM's own decision on each action and resource: `SimulatePrincipalPolicy`, which knows boundary and organization too. */
  simulateRole(
    roleArn: string,
    actions: readonly string[],
    resources: readonly string[],
  ): Promise<SimulatedDecision[]> {
    const input: SimulatePrincipalPolicyCommandInput = {
      PolicySourceArn: roleArn,
      ActionNames: [...actions],
      ResourceArns: [...resources],
      MaxItems: 1000,
    }
    return this.list(`simulating what ${roleArn} may do`, async (Marker, abort) => {
      const page = await this.client.send(new SimulatePrincipalPolicyCommand({ ...input, Marker }), abort)
      return {
        items: (page.EvaluationResults ?? []).flatMap(readDecisions),
        next: page.IsTruncated === true ? page.Marker : undefined,
      }
    })
  }

  /** Puts or replaces one inline policy of a role. */
  async putRolePolicy(roleArn: string, policyName: string, json: string): Promise<void> {
    await this.ask(`writing the policy ${policyName} of ${roleArn}`, (abort) =>
      this.client.send(
        new PutRolePolicyCommand({
          RoleName: roleNameOf(roleArn),
          PolicyName: policyName,
          PolicyDocument: json,
        }),
        abort,
      ),
    )
  }

  /** Makes `json` what the managed policy says. IAM keeps five versions: of five, the oldest that isn't in force goes first. */
  async replacePolicy(PolicyArn: string, json: string): Promise<void> {
    const versions = await this.list(`listing the versions of ${PolicyArn}`, async (Marker, abort) => {
      const page = await this.client.send(new ListPolicyVersionsCommand({ PolicyArn, Marker }), abort)
      return { items: page.Versions ?? [], next: page.IsTruncated === true ? page.Marker : undefined }
    })
    const spare = versions
      .filter(({ IsDefaultVersion }) => IsDefaultVersion !== true)
      .sort((one, other) => (one.CreateDate?.getTime() ?? 0) - (other.CreateDate?.getTime() ?? 0))
    if (versions.length >= mostPolicyVersions && spare[0]?.VersionId !== undefined) {
      const { VersionId } = spare[0]
      await this.ask(`deleting an old version of ${PolicyArn}`, (abort) =>
        this.client.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }), abort),
      )
    }
    await this.ask(`writing ${PolicyArn}`, (abort) =>
      this.client.send(
        new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: json, SetAsDefault: true }),
        abort,
      ),
    )
  }

  close(): void {
    this.client.destroy()
  }

  private async readManaged(PolicyArn: string): Promise<{ name: string; json: string }> {
    const VersionId = await this.ask(
      `reading the policy ${PolicyArn}`,
      async (abort) =>
        (await this.client.send(new GetPolicyCommand({ PolicyArn }), abort)).Policy?.DefaultVersionId,
    )
    if (VersionId === undefined) throw unreadable(`the policy ${PolicyArn}`)
    const document = await this.ask(
      `reading the policy ${PolicyArn}`,
      async (abort) =>
        (await this.client.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }), abort)).PolicyVersion
          ?.Document,
    )
    return { name: PolicyArn, json: decodeDocument(document, PolicyArn) }
  }

  private async list<Item>(
    what: string,
    page: (
      marker: string | undefined,
      abort: { abortSignal?: AbortSignal },
    ) => Promise<{ items: Item[]; next: string | undefined }>,
  ): Promise<Item[]> {
    const items: Item[] = []
    let marker: string | undefined
    for (let pages = 0; pages < mostPages; pages++) {
      const { items: more, next } = await this.ask(what, (abort) => page(marker, abort))
      items.push(...more)
      if (next === undefined) return items
      if (next === marker) break
      marker = next
    }
    throw new HoldfastError('unreachable', `${what} failed: the pages don't end`, {
      hint: "check that the endpoint is IAM's",
    })
  }
}

/** @throws `invalid-input` for anything but the ARN of a role. */
export function roleNameOf(roleArn: string): string {
  const name = roleArnPattern.exec(roleArn)?.[1]
  if (name !== undefined) return name
  throw new HoldfastError(
    'invalid-input',
    `${JSON.stringify(roleArn.slice(0, 120))} is not the ARN of a role`,
    {
      hint: 'pass it as arn:aws:iam::<account>:role/<name>',
    },
  )
}

// With resources named, the answer for each of them lies one level further down.
function readDecisions(result: EvaluationResult): SimulatedDecision[] {
  const action = result.EvalActionName ?? ''
  const cutOffBy =
    result.OrganizationsDecisionDetail?.AllowedByOrganizations === false
      ? ('organization' as const)
      : result.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary === false
        ? ('boundary' as const)
        : null
  const matchedPolicies = [
    ...new Set((result.MatchedStatements ?? []).flatMap(({ SourcePolicyId }) => SourcePolicyId ?? [])),
  ]
  const perResource = result.ResourceSpecificResults ?? []
  if (perResource.length === 0) {
    const missingContext = result.MissingContextValues ?? []
    return [
      {
        action,
        resource: result.EvalResourceName ?? '*',
        allowed: result.EvalDecision === 'allowed',
        deniedExpressly: result.EvalDecision === 'explicitDeny',
        missingContext,
        matchedPolicies,
        cutOffBy,
      },
    ]
  }
  return perResource.map((each) => ({
    action,
    resource: each.EvalResourceName ?? '*',
    allowed: each.EvalResourceDecision === 'allowed',
    deniedExpressly: each.EvalResourceDecision === 'explicitDeny',
    missingContext: each.MissingContextValues ?? result.MissingContextValues ?? [],
    matchedPolicies,
    cutOffBy:
      each.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary === false ? 'boundary' : cutOffBy,
  }))
}

/** "The policy document is URL-encoded compliant with RFC 3986" (API_GetRolePolicy). */
function decodeDocument(document: string | undefined, name: string): string {
  try {
    if (document !== undefined) return decodeURIComponent(document)
  } catch {
    // Told below.
  }
  throw unreadable(`the policy ${name}`)
}

function unreadable(what: string): HoldfastError {
  return new HoldfastError('unreachable', `IAM's answer about ${what} could not be read`, {
    hint: "check that the endpoint is IAM's",
    retryable: true,
  })
}
