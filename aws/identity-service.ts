// The port on IAM: reads a role's documents, runs IAM's simulator, and has two writes: an inline policy, and
// a new version of a managed policy.
import {
  CreatePolicyVersionCommand,
  DeletePolicyVersionCommand,
  GetGroupCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetUserCommand,
  IAMClient,
  ListGroupsForUserCommand,
  ListPolicyVersionsCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam'
import type { EvaluationResult, Role, SimulatePrincipalPolicyCommandInput } from '@aws-sdk/client-iam'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import { parsePrincipalArn, policyCalls } from './principal-policies.ts'
import type { PrincipalName } from './principal-policies.ts'
import { askUntil, clientSettings } from './service-settings.ts'
import type { Ask, ServiceSettings } from './service-settings.ts'

export interface PrincipalDocuments {
  arn: string
  tags: Record<string, string>
  /** Inline by name, attached by ARN; JSON as IAM stores it. */
  identity: { name: string; json: string }[]
  boundary: { name: string; json: string } | null
}

export interface RoleDocuments {
  /** JSON as IAM stores it. */
  trustJson: string
  inline: { name: string; json: string }[]
  attachedArns: string[]
  boundaryArn: string | null
}

/** The trust policy of a role, JSON as IAM stores it: it names the principals that may assume the role. */
export interface RoleTrust {
  arn: string
  trustJson: string
}

export interface SimulatedDecision {
  action: string
  resource: string
  allowed: boolean
  /**
   * True if a statement denies it explicitly: then no other policy can allow it, not even a resource's
   * policy.
   */
  deniedExpressly: boolean
  /** Context keys that the policies use and the simulation lacked: with them, the decision may change. */
  missingContext: string[]
  /** The policies whose statements matched, as IAM names them. */
  matchedPolicies: string[]
  /** The limit that denies it although the role's own policies allow it. */
  cutOffBy: 'organization' | 'boundary' | null
}

/**
 * A role can have 20 attached policies, and inline policies of 10,240 characters together, so real listings
 * are shorter.
 */
const maxPages = 100
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const maxPolicyVersions = 5
/** The ARN of a role, with or without a path; captures the name. */
const roleArnPattern = /^arn:aws[a-z-]{0,20}:iam::\d{12}:role\/(?:[\x21-\x7e]{1,511}\/)?([\w+=,.@-]{1,64})$/

export class IdentityService {
  private readonly client: IAMClient
  private readonly ask: Ask

  constructor(settings: ServiceSettings = {}) {
    this.ask = askUntil(settings.signal)
    this.client = new IAMClient(clientSettings(settings))
  }

  /**
   * Every document that limits a role, a user or a group in its account; those of a user's groups included.
   * @throws `denied`, `not-found`, `credentials`, `unreachable`.
   */
  async readPrincipal(arn: string): Promise<PrincipalDocuments> {
    const principal = parsePrincipalArn(arn)
    const entity = await this.ask(`reading the ${principal.type} ${arn}`, (abort) =>
      this.getPrincipal(principal, abort),
    )
    if (entity?.Arn === undefined) throw unreadable(`the ${principal.type} ${arn}`)
    requireSame(arn, entity.Arn)
    const identity = await this.readPolicies(principal, arn)
    if (principal.type === 'user') {
      for (const group of await this.listGroups(principal.name, arn)) {
        const policies = await this.readPolicies({ type: 'group', name: group }, `the group ${group}`)
        identity.push(
          ...policies.map(({ name, json }) => ({ name: `${name} (of the group ${group})`, json })),
        )
      }
    }
    const boundaryArn = entity.PermissionsBoundary?.PermissionsBoundaryArn
    return {
      arn: entity.Arn,
      tags: Object.fromEntries((entity.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? ''])),
      identity,
      boundary: boundaryArn === undefined ? null : await this.readManaged(boundaryArn),
    }
  }

  /**
   * ARN of the role of this name, path included, in the account of the credentials.
   * @throws `denied`, `not-found`, `credentials`, `unreachable`.
   */
  async findRole(name: string): Promise<string> {
    const role = await this.ask(`reading the role ${name}`, (abort) =>
      this.getPrincipal({ type: 'role', name }, abort),
    )
    if (role?.Arn === undefined) throw unreadable(`the role ${name}`)
    return role.Arn
  }

  private async getPrincipal(
    { type, name }: PrincipalName,
    abort: { abortSignal?: AbortSignal },
  ): Promise<(Pick<Role, 'PermissionsBoundary' | 'Tags'> & { Arn: string | undefined }) | undefined> {
    switch (type) {
      case 'role':
        return (await this.client.send(new GetRoleCommand({ RoleName: name }), abort)).Role
      case 'user':
        return (await this.client.send(new GetUserCommand({ UserName: name }), abort)).User
      case 'group':
        return (await this.client.send(new GetGroupCommand({ GroupName: name }), abort)).Group
    }
  }

  private listGroups(UserName: string, arn: string): Promise<string[]> {
    return this.list(`listing the groups of ${arn}`, async (Marker, abort) => {
      const page = await this.client.send(new ListGroupsForUserCommand({ UserName, Marker }), abort)
      return {
        items: (page.Groups ?? []).flatMap(({ GroupName }) => GroupName ?? []),
        next: page.IsTruncated === true ? page.Marker : undefined,
      }
    })
  }

  /**
   * The documents that decide what a role may do and who may assume it. Attached policies by their ARNs alone.
   * @throws `denied`, `not-found`, `credentials`, `unreachable`.
   */
  async readRole(arn: string): Promise<RoleDocuments> {
    const principal = parsePrincipalArn(arn)
    const { Role: role } = await this.ask(`reading the role ${arn}`, (abort) =>
      this.client.send(new GetRoleCommand({ RoleName: principal.name }), abort),
    )
    if (role?.Arn === undefined) throw unreadable(`the role ${arn}`)
    requireSame(arn, role.Arn)
    const { inline, attachedArns } = await this.readInline(principal, arn)
    return {
      trustJson: decodeDocument(role.AssumeRolePolicyDocument, `of the trust of ${arn}`),
      inline,
      attachedArns,
      boundaryArn: role.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
    }
  }

  private async readPolicies(
    principal: PrincipalName,
    label: string,
  ): Promise<PrincipalDocuments['identity']> {
    const { inline, attachedArns } = await this.readInline(principal, label)
    const attached: PrincipalDocuments['identity'] = []
    for (const policyArn of attachedArns) attached.push(await this.readManaged(policyArn))
    return [...inline, ...attached]
  }

  private async readInline(
    principal: PrincipalName,
    label: string,
  ): Promise<Pick<RoleDocuments, 'inline' | 'attachedArns'>> {
    const calls = policyCalls(this.client, principal)
    const inlineNames = await this.list(`listing the policies of ${label}`, async (marker, abort) => {
      const page = await calls.listInline(marker, abort)
      return { items: page.PolicyNames ?? [], next: page.IsTruncated === true ? page.Marker : undefined }
    })
    const attachedArns = await this.list(`listing the policies of ${label}`, async (marker, abort) => {
      const page = await calls.listAttached(marker, abort)
      return {
        items: (page.AttachedPolicies ?? []).flatMap(({ PolicyArn }) => PolicyArn ?? []),
        next: page.IsTruncated === true ? page.Marker : undefined,
      }
    })
    const inline: RoleDocuments['inline'] = []
    for (const name of inlineNames) {
      const { PolicyDocument: document } = await this.ask(`reading the policy ${name} of ${label}`, (abort) =>
        calls.getInline(name, abort),
      )
      inline.push({ name, json: decodeDocument(document, name) })
    }
    return { inline, attachedArns }
  }

  /** Every role of the account with its trust policy. @throws `denied`, `credentials`, `unreachable`. */
  async listRoles(): Promise<RoleTrust[]> {
    const roles = await this.list('listing the roles of the account', async (Marker, abort) => {
      const page = await this.client.send(new ListRolesCommand({ Marker, MaxItems: 1000 }), abort)
      return { items: page.Roles ?? [], next: page.IsTruncated === true ? page.Marker : undefined }
    })
    return roles.map(({ Arn: arn = '', AssumeRolePolicyDocument: trust }) => {
      if (!roleArnPattern.test(arn)) throw unreadable('the roles of the account')
      return { arn, trustJson: decodeDocument(trust, `of the trust of ${arn}`) }
    })
  }

  /**
   * IAM's decision on each action and resource, by `SimulatePrincipalPolicy`. It includes boundary and
   * organization.
   */
  simulatePrincipal(
    principalArn: string,
    actions: readonly string[],
    resources: readonly string[],
  ): Promise<SimulatedDecision[]> {
    const input: SimulatePrincipalPolicyCommandInput = {
      PolicySourceArn: principalArn,
      ActionNames: [...actions],
      ResourceArns: [...resources],
      MaxItems: 1000,
    }
    return this.list(`simulating the permissions of ${principalArn}`, async (Marker, abort) => {
      const page = await this.client.send(new SimulatePrincipalPolicyCommand({ ...input, Marker }), abort)
      return {
        items: (page.EvaluationResults ?? []).flatMap(readDecisions),
        next: page.IsTruncated === true ? page.Marker : undefined,
      }
    })
  }

  /**
   * Puts or replaces one inline policy of a role.
   * @throws `denied`, `credentials`, `unreachable`; `not-found` if the role of that name has another ARN.
   */
  async putRolePolicy(roleArn: string, policyName: string, json: string): Promise<void> {
    try {
      requireSame(roleArn, await this.findRole(roleNameOf(roleArn)))
    } catch (error) {
      // The right to write is enough, because an emergency must not fail for a right to read.
      if (!isHoldfastError(error, 'denied')) throw error
    }
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

  /**
   * Makes `json` the content of the managed policy. IAM keeps five versions, so we delete the oldest one that
   * isn't in force.
   */
  async replacePolicy(PolicyArn: string, json: string): Promise<void> {
    const versions = await this.list(`listing the versions of ${PolicyArn}`, async (Marker, abort) => {
      const page = await this.client.send(new ListPolicyVersionsCommand({ PolicyArn, Marker }), abort)
      return { items: page.Versions ?? [], next: page.IsTruncated === true ? page.Marker : undefined }
    })
    const replaceable = versions
      .filter(({ IsDefaultVersion }) => IsDefaultVersion !== true)
      .sort((a, b) => (a.CreateDate?.getTime() ?? 0) - (b.CreateDate?.getTime() ?? 0))
    if (versions.length >= maxPolicyVersions && replaceable[0]?.VersionId !== undefined) {
      const { VersionId } = replaceable[0]
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
    operation: string,
    readPage: (
      marker: string | undefined,
      abort: { abortSignal?: AbortSignal },
    ) => Promise<{ items: Item[]; next: string | undefined }>,
  ): Promise<Item[]> {
    const items: Item[] = []
    let marker: string | undefined
    for (let pages = 0; pages < maxPages; pages++) {
      const page = await this.ask(operation, (abort) => readPage(marker, abort))
      items.push(...page.items)
      if (page.next === undefined) return items
      if (page.next === marker) break
      marker = page.next
    }
    throw new HoldfastError('unreachable', `${operation} failed: the pages don't end`, {
      hint: 'check that the endpoint belongs to IAM',
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

/**
 * IAM finds a principal by its name alone, in the account of the credentials, so we compare path and account
 * ourselves.
 */
function requireSame(arn: string, existingArn: string): void {
  if (existingArn === arn) return
  throw new HoldfastError('not-found', `${arn} doesn't exist: that name belongs to ${existingArn}`, {
    hint: 'pass the whole ARN with its path, and use credentials of its account',
  })
}

// If the request names resources, IAM returns the decision for each of them one level deeper.
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
  return perResource.map((decision) => ({
    action,
    resource: decision.EvalResourceName ?? '*',
    allowed: decision.EvalResourceDecision === 'allowed',
    deniedExpressly: decision.EvalResourceDecision === 'explicitDeny',
    missingContext: decision.MissingContextValues ?? result.MissingContextValues ?? [],
    matchedPolicies,
    cutOffBy:
      decision.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary === false
        ? 'boundary'
        : cutOffBy,
  }))
}

/** "The policy document is URL-encoded compliant with RFC 3986" (API_GetRolePolicy). */
function decodeDocument(document: string | undefined, name: string): string {
  try {
    if (document !== undefined) return decodeURIComponent(document)
  } catch {
    // Ignore: the error below reports it.
  }
  throw unreadable(`the policy ${name}`)
}

function unreadable(subject: string): HoldfastError {
  return new HoldfastError('unreachable', `IAM's response about ${subject} could not be read`, {
    hint: 'check that the endpoint belongs to IAM',
    retryable: true,
  })
}
