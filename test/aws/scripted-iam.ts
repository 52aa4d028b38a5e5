// An IAM that has one role and answers simulations as a test tells it, in AWS's XML.
import { sendError, sendXml, startScriptedServer } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

export interface ScriptedIam {
  roleArn: string
  inline?: Record<string, object>
  attached?: Record<string, object>
  boundary?: { arn: string; document: object }
  /**
   * The answer about one action on one resource: `allowed`, or what else IAM says; with the keys that it
   * misses.
   */
  simulate?: (
    action: string,
    resource: string,
    roleArn: string,
  ) => { decision: string; missing?: string[] } | null
  /**
   * Responds as this user, a member of these groups; `inline` and `attached` are the policies of the group.
   */
  user?: { arn: string; groups: string[]; inline?: Record<string, object> }
  /** Further roles of the account, with their trust and inline policy. */
  others?: { arn: string; trust: object; policy?: object }[]
  /** True for the calls that IAM denies. */
  denies?: (action: string, form: Record<string, string>) => boolean
  /** ARNs of roles that the list contains, and that were deleted since. */
  gone?: string[]
  /** Answers what is no call of IAM or STS. */
  besides?: Script
  /** Versions of every managed policy, oldest first; the last is in force. */
  versions?: string[]
  /** Answers of a page; more go to the next. */
  pageSize?: number
}

const account = (arn: string): string => arn.split(':')[4]!

/** Requests are the form fields of each call, in order. */
export async function startScriptedIam(
  iam: ScriptedIam,
): Promise<ScriptedServer & { calls: () => Record<string, string>[] }> {
  const server = await startScriptedServer((request, response, index) => {
    const { body } = request
    const form = Object.fromEntries(new URLSearchParams(body.toString()))
    const action = form['Action']
    if (action === undefined) iam.besides?.(request, response, index)
    else if (iam.denies?.(action, form) === true) sendError(response, 403, 'AccessDenied')
    else if (
      iam.gone?.some((arn) => nameOf(arn) === form['RoleName'] || arn === form['PolicySourceArn']) === true
    )
      sendError(response, 404, 'NoSuchEntity')
    else
      sendXml(
        response,
        `<${action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><${action}Result>${resultOf(iam, action, form)}</${action}Result></${action}Response>`,
      )
  })
  return {
    ...server,
    calls: () => server.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body.toString()))),
  }
}

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1)

function resultOf(iam: ScriptedIam, action: string, form: Record<string, string>): string {
  const encode = (document: object | undefined): string => encodeURIComponent(JSON.stringify(document))
  const otherRole = iam.others?.find(({ arn }) => nameOf(arn) === form['RoleName'])
  switch (action) {
    case 'GetCallerIdentity': {
      if (iam.user !== undefined)
        return `<Arn>${iam.user.arn}</Arn><UserId>AIDA</UserId><Account>${account(iam.user.arn)}</Account>`
      const [name] = iam.roleArn.split('/').slice(-1)
      return `<Arn>arn:aws:sts::${account(iam.roleArn)}:assumed-role/${name}/me</Arn><UserId>AROA:me</UserId><Account>${account(iam.roleArn)}</Account>`
    }
    case 'ListRoles':
      return page(
        (iam.others ?? []).map(
          ({
            arn,
            trust,
          }) => `<member><Arn>${arn}</Arn><RoleName>${nameOf(arn)}</RoleName><Path>/</Path><RoleId>AROA</RoleId>
        <CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>${encode(trust)}</AssumeRolePolicyDocument></member>`,
        ),
        'Roles',
        iam,
        form,
      )
    case 'GetRole': {
      if (otherRole !== undefined) return `<Role><Arn>${otherRole.arn}</Arn></Role>`
      const boundary =
        iam.boundary === undefined
          ? ''
          : `<PermissionsBoundary><PermissionsBoundaryArn>${iam.boundary.arn}</PermissionsBoundaryArn></PermissionsBoundary>`
      return `<Role><Arn>${iam.roleArn}</Arn><RoleName>r</RoleName><Path>/</Path><RoleId>AROA</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate>${boundary}</Role>`
    }
    case 'GetUser':
      return `<User><Arn>${iam.user!.arn}</Arn><UserName>u</UserName><Path>/</Path><UserId>AIDA</UserId><CreateDate>2026-01-01T00:00:00Z</CreateDate></User>`
    case 'GetGroup':
      return `<Group><Arn>arn:aws:iam::${account(iam.roleArn)}:group/${form['GroupName']}</Arn><GroupName>g</GroupName><Path>/</Path><GroupId>AGPA</GroupId><CreateDate>2026-01-01T00:00:00Z</CreateDate></Group><Users/>`
    case 'ListGroupsForUser':
      return page(
        iam.user!.groups.map(
          (name) =>
            `<member><GroupName>${name}</GroupName><Arn>arn</Arn><Path>/</Path><GroupId>AGPA</GroupId><CreateDate>2026-01-01T00:00:00Z</CreateDate></member>`,
        ),
        'Groups',
        iam,
        form,
      )
    case 'ListUserPolicies':
      return page(
        Object.keys(iam.user!.inline ?? {}).map((name) => `<member>${name}</member>`),
        'PolicyNames',
        iam,
        form,
      )
    case 'ListAttachedUserPolicies':
      return page([], 'AttachedPolicies', iam, form)
    case 'GetUserPolicy':
      return `<PolicyDocument>${encode(iam.user!.inline![form['PolicyName']!])}</PolicyDocument>`
    case 'GetGroupPolicy':
      return `<PolicyDocument>${encode(iam.inline![form['PolicyName']!])}</PolicyDocument>`
    case 'ListGroupPolicies':
    case 'ListRolePolicies':
      if (otherRole !== undefined)
        return page(otherRole.policy === undefined ? [] : ['<member>task</member>'], 'PolicyNames', iam, form)
      return page(
        Object.keys(iam.inline ?? {}).map((name) => `<member>${name}</member>`),
        'PolicyNames',
        iam,
        form,
      )
    case 'ListAttachedGroupPolicies':
    case 'ListAttachedRolePolicies':
      return page(
        otherRole !== undefined
          ? []
          : Object.keys(iam.attached ?? {}).map((arn) => `<member><PolicyArn>${arn}</PolicyArn></member>`),
        'AttachedPolicies',
        iam,
        form,
      )
    case 'GetRolePolicy':
      return `<PolicyDocument>${encode(otherRole !== undefined ? otherRole.policy : iam.inline![form['PolicyName']!])}</PolicyDocument>`
    case 'GetPolicy':
      return '<Policy><DefaultVersionId>v3</DefaultVersionId></Policy>'
    case 'GetPolicyVersion': {
      const arn = form['PolicyArn']!
      return `<PolicyVersion><Document>${encode(arn === iam.boundary?.arn ? iam.boundary.document : iam.attached![arn])}</Document></PolicyVersion>`
    }
    case 'ListPolicyVersions': {
      const { versions = [] } = iam
      return page(
        versions
          .map(
            (
              id,
              index,
            ) => `<member><VersionId>${id}</VersionId><IsDefaultVersion>${index === versions.length - 1}</IsDefaultVersion>
        <CreateDate>2026-01-0${index + 1}T00:00:00Z</CreateDate></member>`,
          )
          .reverse(),
        'Versions',
        iam,
        form,
      )
    }
    case 'SimulatePrincipalPolicy':
      return page(simulate(iam, form), 'EvaluationResults', iam, form)
    default:
      return ''
  }
}

function simulate(iam: ScriptedIam, form: Record<string, string>): string[] {
  const listed = (name: string): string[] =>
    Object.entries(form)
      .filter(([key]) => key.startsWith(`${name}.member.`))
      .map(([, value]) => value)
  return listed('ActionNames').flatMap((action) => {
    const decisions = listed('ResourceArns').map((resource) => ({
      resource,
      decision: iam.simulate?.(action, resource, form['PolicySourceArn']!) ?? null,
    }))
    const answered = decisions.filter(({ decision }) => decision !== null)
    if (answered.length === 0) return []
    const results = answered.map(
      ({
        resource,
        decision,
      }) => `<member><EvalResourceName>${resource}</EvalResourceName><EvalResourceDecision>${decision!.decision}</EvalResourceDecision>
      <MissingContextValues>${(decision!.missing ?? []).map((key) => `<member>${key}</member>`).join('')}</MissingContextValues></member>`,
    )
    return [
      `<member><EvalActionName>${action}</EvalActionName><EvalDecision>${answered[0]!.decision!.decision}</EvalDecision><ResourceSpecificResults>${results.join('')}</ResourceSpecificResults></member>`,
    ]
  })
}

function page(
  members: string[],
  name: string,
  { pageSize = 1000 }: ScriptedIam,
  form: Record<string, string>,
): string {
  const from = Number(form['Marker'] ?? 0)
  const isMore = from + pageSize < members.length
  return `<${name}>${members.slice(from, from + pageSize).join('')}</${name}><IsTruncated>${isMore}</IsTruncated>${isMore ? `<Marker>${from + pageSize}</Marker>` : ''}`
}
