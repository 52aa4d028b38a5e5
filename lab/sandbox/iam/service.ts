// The part of IAM that reads roles, over the query protocol. It shows what the declaration has now, so that a test can
// change a role behind the program's back.
import type { DeclaredRole, PolicyDocument } from '../declaration.ts'
import { roleIdOf } from '../identity/role-id.ts'
import { AwsError, denyAccess } from '../protocol/aws-error.ts'
import type { Service, ServiceHost, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { renderXml } from '../protocol/xml.ts'
import type { XmlElement } from '../protocol/xml.ts'
import { readForm } from '../sts/form.ts'
import type { Form } from '../sts/form.ts'

/** A policy with an ARN for its name is attached; another one is inline. */
const managedPolicyPrefix = 'arn:'
const namespace = 'https://iam.amazonaws.com/doc/2010-05-08/'

type Operation = (role: DeclaredRole, form: Form) => XmlElement[]

const operations: Readonly<Record<string, Operation>> = {
  GetRole: getRole,
  ListRolePolicies: listRolePolicies,
  GetRolePolicy: getRolePolicy,
  ListAttachedRolePolicies: listAttachedRolePolicies,
}

export function createIamService(host: ServiceHost): Service {
  return { name: 'iam', handle: (request) => handle(host, request), renderError }
}

async function handle(host: ServiceHost, request: ServiceRequest): Promise<ServiceReply> {
  let operation = ''
  try {
    if (request.principal.kind === 'anonymous')
      throw new AwsError(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
    const form = await readForm(request)
    const action = form.text('Action') ?? ''
    const run = Object.hasOwn(operations, action) ? operations[action] : undefined
    if (run === undefined)
      throw new AwsError(400, 'InvalidAction', `The sandbox does not emulate ${action.slice(0, 64)}`)
    operation = action
    const role = await allowedRole(host, request, { action, name: form.text('RoleName') ?? '' })
    const body = renderXml(`${action}Response`, namespace, [
      [`${action}Result`, run(role, form)],
      ['ResponseMetadata', [['RequestId', request.id]]],
    ])
    return { status: 200, headers: { 'content-type': 'text/xml' }, body, operation }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    return { ...renderError(error, request), operation }
  }
}

/** IAM finds roles in the caller's account alone, and authorizes a call on a missing role by its name. */
async function allowedRole(
  host: ServiceHost,
  request: ServiceRequest,
  { action, name }: { action: string; name: string },
): Promise<DeclaredRole> {
  const accountId = request.principal.accountId ?? ''
  const role = host.declaration.roles.find(
    (candidate) => candidate.accountId === accountId && candidate.name === name,
  )
  const decision = await host.authorize(request, {
    action: `iam:${action}`,
    resource: role?.arn ?? `arn:aws:iam::${accountId}:role/${name.slice(0, 64)}`,
    resourceAccountId: accountId,
    resourcePolicy: null,
  })
  if (!decision.allowed)
    throw denyAccess(`User: ${request.principal.arn} is not authorized to perform: iam:${action}`)
  if (role === undefined) throw noSuchEntity(`The role with name ${name.slice(0, 64)} cannot be found.`)
  return role
}

function getRole({ arn, name, path, trust, boundary, maxSessionSeconds }: DeclaredRole): XmlElement[] {
  const element: XmlElement[] = [
    ['Path', path],
    ['RoleName', name],
    ['RoleId', roleIdOf(arn)],
    ['Arn', arn],
    ['CreateDate', '2026-01-01T00:00:00Z'],
    ['MaxSessionDuration', String(maxSessionSeconds)],
    ['AssumeRolePolicyDocument', encodeDocument(trust)],
  ]
  if (boundary !== null)
    element.push([
      'PermissionsBoundary',
      [
        ['PermissionsBoundaryType', 'PermissionsBoundaryPolicy'],
        ['PermissionsBoundaryArn', boundary.name],
      ],
    ])
  return [['Role', element]]
}

function listRolePolicies({ policies }: DeclaredRole): XmlElement[] {
  const names = policies.map(({ name }) => name).filter((name) => !name.startsWith(managedPolicyPrefix))
  return [
    ['PolicyNames', names.map((name): XmlElement => ['member', name])],
    ['IsTruncated', 'false'],
  ]
}

function listAttachedRolePolicies({ policies }: DeclaredRole): XmlElement[] {
  const arns = policies.map(({ name }) => name).filter((name) => name.startsWith(managedPolicyPrefix))
  return [
    [
      'AttachedPolicies',
      arns.map((arn): XmlElement => [
        'member',
        [
          ['PolicyName', arn.split('/').at(-1)!],
          ['PolicyArn', arn],
        ],
      ]),
    ],
    ['IsTruncated', 'false'],
  ]
}

function getRolePolicy({ name: roleName, policies }: DeclaredRole, form: Form): XmlElement[] {
  const name = form.text('PolicyName') ?? ''
  const policy = policies.find((candidate) => candidate.name === name)
  if (policy === undefined || name.startsWith(managedPolicyPrefix))
    throw noSuchEntity(`The role policy with name ${name.slice(0, 128)} cannot be found.`)
  return [
    ['RoleName', roleName],
    ['PolicyName', name],
    ['PolicyDocument', encodeDocument(policy.document)],
  ]
}

/** "URL-encoded compliant with RFC 3986" (API_GetRolePolicy). */
function encodeDocument(document: PolicyDocument): string {
  return encodeURIComponent(JSON.stringify(document))
}

function noSuchEntity(message: string): AwsError {
  return new AwsError(404, 'NoSuchEntity', message)
}

// The gateway throws S3's codes; these are IAM's.
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
const iamCodes: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'InvalidClientTokenId',
  InvalidToken: 'InvalidClientTokenId',
  SlowDown: 'Throttling',
}

function renderError(error: AwsError, { id }: Pick<ServiceRequest, 'id'>): ServiceReply {
  const code = iamCodes[error.code] ?? error.code
  const body = renderXml('ErrorResponse', namespace, [
    [
      'Error',
      [
        ['Type', error.status >= 500 ? 'Receiver' : 'Sender'],
        ['Code', code],
        ['Message', error.message],
      ],
    ],
    ['RequestId', id],
  ])
  return { status: error.status, headers: { 'content-type': 'text/xml' }, body, errorCode: code }
}
