// The evaluator's public entry point, asked a question of the authorizer: it parses and validates every policy each
// time, and remembers nothing.
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'
import { toEvaluatorInput } from '../../../../lab/sandbox/authorization/evaluation.ts'
import type { Question } from '../../../../lab/sandbox/authorization/evaluation.ts'
import type { PolicyDocument } from '../../../../lab/sandbox/declaration.ts'

type Statements = Question['policies']['identity']

/** Whole documents. SCPs and RCPs per level. */
export interface Documents {
  identity: readonly PolicyDocument[]
  boundary: PolicyDocument | null
  resource: PolicyDocument | null
  scps: readonly (readonly PolicyDocument[])[]
  rcps: readonly (readonly PolicyDocument[])[]
}

export interface PublicResult {
  overallResult: string
  ignoredContextKeys: readonly string[]
}

/** The statements of the question that can match its action, as documents. */
function documentsOf({ policies }: Question): Documents {
  const toDocument = (statements: Statements): PolicyDocument => ({
    Version: '2012-10-17',
    Statement: statements.map(({ statement }) => statement),
  })
  const toDocuments = (statements: Statements) => (statements.length === 0 ? [] : [toDocument(statements)])
  return {
    identity: toDocuments(policies.identity),
    boundary: policies.boundary && toDocument(policies.boundary),
    resource: policies.resource && toDocument(policies.resource),
    scps: policies.scps.map(toDocuments),
    rcps: policies.rcps.map(toDocuments),
  }
}

/** Throws if the entry point refuses the question. */
export async function simulatePublicly(
  question: Question,
  documents: Documents = documentsOf(question),
): Promise<PublicResult> {
  const input = await toEvaluatorInput(question)
  const toPolicies = (list: readonly PolicyDocument[]) =>
    list.map((policy, index) => ({ name: String(index), policy }))
  const toLevels = (levels: readonly (readonly PolicyDocument[])[]) =>
    levels.map((level, index) => ({ orgIdentifier: String(index), policies: toPolicies(level) }))
  const reply = await runSimulation(
    {
      request: {
        principal: question.principalArn ?? anonymousPrincipal,
        action: input.action,
        resource: {
          resource: input.isWildcardOnly ? '*' : input.resource,
          accountId: input.resourceAccountId,
        },
        contextVariables: input.context,
      },
      identityPolicies: toPolicies(documents.identity),
      serviceControlPolicies: toLevels(documents.scps),
      resourceControlPolicies: toLevels(documents.rcps),
      ...(documents.boundary !== null && { permissionBoundaryPolicies: toPolicies([documents.boundary]) }),
      ...(documents.resource !== null && { resourcePolicy: documents.resource }),
      additionalSettings: { s3: { blockPublicAccess: question.restrictsPublic } },
    },
    {},
  )
  if (reply.resultType !== 'single') throw new Error(JSON.stringify(reply))
  return { overallResult: reply.overallResult, ignoredContextKeys: reply.result.ignoredContextKeys ?? [] }
}
