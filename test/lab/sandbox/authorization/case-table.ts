// Reads the JSON tables in cases/, and turns each case into a request on a small cloud of its own.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { AccessRequest } from '../../../../lab/sandbox/authorization/access.ts'
import type { CloudDeclaration, NamedPolicy, PolicyDocument } from '../../../../lab/sandbox/declaration.ts'
import type { Principal } from '../../../../lab/sandbox/identity/principal.ts'
import { account, cloud, role, sessionOf, trust } from './declaration.ts'

const document = z.union([z.string(), z.record(z.string(), z.unknown())])
const texts = z.record(z.string(), z.string())

/**
 * `policies` hold documents, or names of the table's `documents`. SCPs and RCPs are lists of levels, outermost first.
 */
const caseSchema = z.strictObject({
  name: z.string(),
  /** Title of the page of AWS's documentation that the policies or the rule are from. */
  source: z.string().optional(),
  principal: z
    .strictObject({
      kind: z.enum(['role-session', 'root', 'anonymous', 'web-identity']).optional(),
      account: z.string().optional(),
      role: z.string().optional(),
      session: z.string().optional(),
      tags: texts.optional(),
      roleTags: texts.optional(),
      sourceIdentity: z.string().optional(),
      issued: z.string().optional(),
      multiFactorAgeSeconds: z.number().optional(),
      federated: texts.optional(),
      provider: z.string().optional(),
    })
    .optional(),
  request: z.strictObject({
    action: z.string(),
    resource: z.string(),
    /** Owner of the resource; the principal's own account by default. */
    account: z.string().optional(),
    context: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
    now: z.string().optional(),
    restrictsPublic: z.boolean().optional(),
  }),
  policies: z.strictObject({
    identity: z.array(document).optional(),
    boundary: document.optional(),
    session: z.array(document).optional(),
    resource: document.optional(),
    scps: z.array(z.array(document)).optional(),
    rcps: z.array(z.array(document)).optional(),
    /** SCPs bind the principal's account, RCPs the resource's, unless that is the management account. */
    management: z.array(z.string()).optional(),
  }),
  expected: z.strictObject({
    result: z.enum(['allowed', 'explicit-deny', 'implicit-deny']),
    by: z.string().optional(),
    sid: z.string().optional(),
  }),
})

const tableSchema = z.strictObject({
  source: z.string(),
  documents: z.record(z.string(), z.record(z.string(), z.unknown())),
  cases: z.array(caseSchema),
})

export type AccessCase = z.infer<typeof caseSchema> & { table: string; source: string }

export interface PreparedCase {
  declaration: CloudDeclaration
  request: AccessRequest
  nowMs: number
  restrictsPublic: boolean
}

const folder = join(import.meta.dirname, 'cases')
const homeAccount = '111122223333'

export function readCases(): { accessCase: AccessCase; prepared: PreparedCase }[] {
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const table = tableSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')))
      return table.cases.map((name) => {
        const accessCase = { ...name, table: file.replace('.json', ''), source: name.source ?? table.source }
        const find = (value: string | PolicyDocument): PolicyDocument => {
          if (typeof value !== 'string') return value
          const document = table.documents[value]
          if (document === undefined) throw new RangeError(`${file}: no document ${value}`)
          return document
        }
        return { accessCase, prepared: prepare(accessCase, find) }
      })
    })
}

function prepare(
  { principal = {}, request, policies }: AccessCase,
  find: (value: string | PolicyDocument) => PolicyDocument,
): PreparedCase {
  const accountId = principal.account ?? homeAccount
  const ownerId = request.account ?? accountId
  const naming = (value: string | PolicyDocument, index: number): NamedPolicy => ({
    name: typeof value === 'string' ? value : `policy ${index}`,
    document: find(value),
  })
  const levels = (list: (string | PolicyDocument)[][] | undefined) =>
    (list ?? []).map((level) => level.map(naming))
  const isManagement = (id: string) => policies.management?.includes(id) ?? false
  const hasOrganization = policies.scps !== undefined || policies.rcps !== undefined
  const member = (id: string) =>
    account(id, {
      isManagement: isManagement(id),
      scps: id === accountId ? levels(policies.scps) : hasOrganization ? [[]] : [],
      rcps: id === ownerId ? levels(policies.rcps) : [],
    })
  const roleName = principal.role ?? 'examplerole'
  const declared = role(accountId, roleName, {
    trust: trust({ AWS: accountId }),
    policies: (policies.identity ?? []).map(naming),
    boundary: policies.boundary === undefined ? null : naming(policies.boundary, 0),
    tags: principal.roleTags ?? {},
  })
  return {
    declaration: cloud({
      organizationId: hasOrganization ? 'o-exampleorgid' : null,
      accounts: [...new Set([accountId, ownerId])].map(member),
      roles: [declared],
    }),
    request: {
      principal: toPrincipal(principal, accountId, sessionOf(declared), (policies.session ?? []).map(find)),
      action: request.action,
      resource: request.resource,
      resourceAccountId: ownerId,
      resourcePolicy: policies.resource === undefined ? null : find(policies.resource),
      context: request.context ?? {},
    },
    nowMs: Date.parse(request.now ?? '2026-11-01T00:10:00Z'),
    restrictsPublic: request.restrictsPublic ?? false,
  }
}

function toPrincipal(
  casePrincipal: NonNullable<AccessCase['principal']>,
  accountId: string,
  base: Principal,
  policies: PolicyDocument[],
): Principal {
  if (casePrincipal.kind === 'root') return { kind: 'root', accountId, arn: `arn:aws:iam::${accountId}:root` }
  if (casePrincipal.kind === 'anonymous') return { kind: 'anonymous', accountId: null, arn: '*' }
  if (casePrincipal.kind === 'web-identity')
    return {
      kind: 'web-identity',
      accountId,
      arn: casePrincipal.provider ?? '',
      federated: casePrincipal.federated ?? {},
    }
  const session = base.session
  if (session === undefined) throw new TypeError('a role session has a session')
  const sessionName = casePrincipal.session ?? 'session'
  return {
    ...base,
    arn: base.arn.replace(/\/session$/, `/${sessionName}`),
    session: {
      ...session,
      sessionName,
      policies,
      tags: casePrincipal.tags ?? {},
      sourceIdentity: casePrincipal.sourceIdentity ?? null,
      issuedMs: Date.parse(casePrincipal.issued ?? '2026-11-01T00:00:00Z'),
      multiFactor:
        casePrincipal.multiFactorAgeSeconds === undefined
          ? null
          : { present: true, ageSeconds: casePrincipal.multiFactorAgeSeconds },
      federated: casePrincipal.federated ?? {},
    },
  }
}
