// The token service: issues sessions of roles, by AWS's rules.

import { roleIdOf } from '../identity/role-id.ts'
import { IssuerKeys } from '../oidc/issuer-keys.ts'
import type { FindIssuer } from '../oidc/issuer-keys.ts'
import { AwsError } from '../protocol/aws-error.ts'
import type { Service, ServiceFactory, ServiceReply, ServiceRequest } from '../protocol/service.ts'
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity.ts'
import { assumeRole } from './assume-role.ts'
import { readForm } from './form.ts'
import type { Operation, StsContext } from './operation.ts'
import { denySts, renderError, renderResult } from './reply.ts'
import { SecondFactors } from './second-factor.ts'
import type { MfaDevice } from './second-factor.ts'

export interface StsOptions {
  /** Finds an OIDC issuer on loopback, for a declared provider with another URL. */
  findIssuer?: FindIssuer
  mfaDevices?: readonly MfaDevice[]
}

const operations: Record<string, Operation> = {
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  GetCallerIdentity: getCallerIdentity,
  GetSessionToken: getSessionToken,
}

// Operations of AWS's token service that the sandbox doesn't emulate.
const absent = [
  'AssumeRoleWithSAML',
  'AssumeRoot',
  'DecodeAuthorizationMessage',
  'GetAccessKeyInfo',
  'GetDelegatedAccessToken',
  'GetFederationToken',
  'GetWebIdentityToken',
]

// Regions in which STS is off until the account activates the region.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
const optInRegions = new Set([
  'af-south-1',
  'ap-east-1',
  'ap-south-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-7',
  'ca-west-1',
  'eu-central-2',
  'eu-south-1',
  'eu-south-2',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'mx-central-1',
])

export function createStsService(options: StsOptions = {}): ServiceFactory {
  return (host): Service => {
    const issuerKeys = new IssuerKeys(options.findIssuer ?? loopbackIssuer)
    const context: StsContext = {
      host,
      issuerKeys,
      secondFactors: new SecondFactors(options.mfaDevices ?? []),
    }
    return { name: 'sts', handle: (request) => handle(context, request), renderError }
  }
}

async function handle(context: StsContext, request: ServiceRequest): Promise<ServiceReply> {
  if (request.path !== '/' || !['GET', 'POST'].includes(request.method))
    throw new AwsError(404, 'UnknownOperation', 'There is no such operation.')
  const form = await readForm(request)
  const name = form.text('Action')
  if (name === null) throw new AwsError(400, 'MissingAction', 'The request must contain the parameter Action')
  const version = form.text('Version')
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
  if (version !== null && version !== '2011-06-15') throw unknownOperation(name, version)
  if (operation === undefined) {
    if (absent.includes(name))
      throw new AwsError(501, 'NotImplemented', `The sandbox does not emulate ${name}`)
    throw unknownOperation(name, version)
  }
  if (name !== 'AssumeRoleWithWebIdentity' && request.principal.kind === 'anonymous') {
    throw new AwsError(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
  }
  if (
    name !== 'GetCallerIdentity' &&
    request.signature.region !== null &&
    optInRegions.has(request.signature.region)
  ) {
    const account = request.principal.accountId ?? ''
    const message = `STS is not activated in this region for account:${account}. Your account administrator can activate STS in this region using the IAM Console.`
    throw new AwsError(403, 'RegionDisabledException', message)
  }
  return operation(context, request, form)
}

function unknownOperation(name: string, version: string | null): AwsError {
  const shown = version?.slice(0, 20) ?? 'NO_VERSION_SPECIFIED'
  return new AwsError(
    400,
    'InvalidAction',
    `Could not find operation ${name.slice(0, 100)} for version ${shown}`,
  )
}

// "No permissions are required to perform this operation", so no policy is evaluated.
function getCallerIdentity(_context: StsContext, { id, principal }: ServiceRequest): Promise<ServiceReply> {
  const userId =
    principal.session === undefined
      ? principal.accountId
      : `${roleIdOf(principal.session.roleArn)}:${principal.session.sessionName}`
  return Promise.resolve(
    renderResult('GetCallerIdentity', id, [
      ['Arn', principal.arn],
      ['UserId', userId],
      ['Account', principal.accountId],
    ]),
  )
}

// On AWS this operation is for users and root. The sandbox has no users, and its root keys only set things
// up.
function getSessionToken(_context: StsContext, { principal }: ServiceRequest): Promise<ServiceReply> {
  const isSession = principal.kind === 'role-session'
  return Promise.reject(
    denySts(
      isSession
        ? 'Cannot call GetSessionToken with session credentials'
        : 'The sandbox issues no session tokens to root users',
    ),
  )
}

function loopbackIssuer(url: string): string | null {
  return /^(127\.0\.0\.1|localhost)(:\d+)?(\/|$)/.test(url) ? `http://${url}` : null
}
