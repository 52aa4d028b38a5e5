// The proof: evaluates every relevant request of every principal against the declared policies, before a deployment.
//
// 1. The loader runs the infrastructure program with a recording monitor; nothing is deployed (lab/sandbox/loader).
// 2. addByHand() adds roles that an account's owner could make, and break-glass with an approval (principals.ts).
// 3. listRows() makes the rows: requests that must be denied (denied-rows.ts, weakenings.ts, way-in-rows.ts) and
// requests
//    that must be allowed (duty-rows.ts). Rows on AWS's services: service-rows.ts, check-rows.ts, signing-key-rows.ts,
// restore-test-rows.ts.
// 4. answerRow() evaluates each row with IAM's logic, and names the deciding statement. An unexpected result is a
// surprise. 5. examineSettings() checks the locks, versions and protections that no policy states (settings.ts).
// 6. mutants.ts removes one statement, condition or lock at a time; mutant-run.ts requires that the proof notices each.
//
// main.ts runs all this for two configurations, with an Organization and without one, and writes the report (report/).
import { examinedServices } from '../../guardrails/catalogue/judgements.ts'
import { isHoldfastError } from '../../core/errors.ts'
import { readConfig } from '../../infra/config-reader.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import { createAuthorizer } from '../sandbox/authorization/authorizer.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import { evaluate } from '../sandbox/authorization/evaluate.ts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import { loadProgram } from '../sandbox/loader/loader.ts'
import { addByHand, principalsOf, followChains } from './principals.ts'
import type { Subject } from './principals.ts'
import { agentRows, mcpRows } from './catalogue-rows.ts'
import { checkRows } from './check-rows.ts'
import { destructionRows, environmentRows, weakeningRows } from './denied-rows.ts'
import { approvalRows, dutyRows } from './duty-rows.ts'
import { signingKeyRows } from './signing-key-rows.ts'
import { nativeRows } from './native-rows.ts'
import { restoreTestRows } from './restore-test-rows.ts'
import type { Answer, ProofRow, ProvenRow } from './proof-row.ts'
import { serviceRows } from './service-rows.ts'
import { examineSettings } from './settings.ts'
import type { Setting } from './setting.ts'
import { wayInRows } from './way-in-rows.ts'

/** `platform`: production is not in AWS, but on a platform such as Fly or Railway. */
export type ProofName = 'organization' | 'detached' | 'platform' | 'detached-platform'

export interface Proof {
  name: ProofName
  declaration: CloudDeclaration
  resources: RecordedResource[]
  config: HoldfastConfig
  rows: ProvenRow[]
  settings: Setting[]
  nowMs: number
}

export interface ProofScope {
  nowMs: number
  /** The services whose destructive actions agents are asked about; all examined services by default. */
  services?: readonly string[]
}

export interface ProofOptions extends ProofScope {
  /** All values of `holdfast:*`; a missing value has its default. */
  config: Record<string, unknown>
}

/**
 * @throws as the loader does, and HoldfastError `internal` if an evaluation would ignore a context key of a request.
 */
export async function prove(options: ProofOptions): Promise<Proof> {
  const { config: raw, ...scope } = options
  const { declaration, resources } = await loadProgram({ config: raw, isWhole: true })
  return proveDeclaration(declaration, resources, readConfig({ ...raw, layer: 'vault' }, scope.nowMs), scope)
}

export async function proveDeclaration(
  declared: CloudDeclaration,
  resources: RecordedResource[],
  config: HoldfastConfig,
  { nowMs, services = examinedServices }: ProofScope,
): Promise<Proof> {
  const declaration = addByHand(declared, nowMs)
  const authorizer = await createAuthorizer(declaration, { nowMs: () => nowMs, region: config.region })
  const rows = await listRows({ config, services }, authorizer, resources)
  const proven: ProvenRow[] = []
  for (const row of rows) proven.push({ ...row, answer: await answerRow(authorizer, row) })
  return {
    name: nameOf(config),
    declaration,
    resources,
    config,
    rows: proven,
    nowMs,
    settings: examineSettings(declaration, resources, config),
  }
}

function nameOf({ detached, productionAccountId }: HoldfastConfig): ProofName {
  if (productionAccountId === '') return detached ? 'detached-platform' : 'platform'
  return detached ? 'detached' : 'organization'
}

async function listRows(
  { config, services }: { config: HoldfastConfig; services: readonly string[] },
  authorizer: PolicyAuthorizer,
  resources: readonly RecordedResource[],
): Promise<ProofRow[]> {
  const { declaration } = authorizer
  const principals = principalsOf(declaration, authorizer.nowMs())
  const outside = principals.filter(({ account }) => account !== 'vault')
  const chains = await followChains(authorizer, outside, principals)
  const allSubjects: readonly Subject[] = [...principals, ...chains]
  return [
    ...(await destructionRows(config, allSubjects)),
    ...(await agentRows(config, principals, services)),
    ...(await mcpRows(config, principals, services)),
    ...(await environmentRows(config, principals)),
    ...(await weakeningRows(config, allSubjects)),
    ...wayInRows(config, declaration, principals),
    ...serviceRows(config, declaration, resources, principals),
    ...nativeRows(config, resources, principals),
    ...checkRows(config, principals),
    ...signingKeyRows(config, declaration, principals),
    ...restoreTestRows(config, resources, principals),
    ...(await approvalRows(config, principals, authorizer.nowMs())),
    ...(await dutyRows(config, principals)),
  ]
}

/** The result of a row: of its first denied permission, or of the last one if all are allowed. */
export async function answerRow(authorizer: PolicyAuthorizer, row: ProofRow): Promise<Answer> {
  let answer: Answer | null = null
  for (const action of row.actions) {
    try {
      answer = await evaluate(authorizer, {
        principal: row.principal,
        action,
        resource: row.resource,
        context: row.context,
        target: {
          accountId: row.resourceAccountId,
          ...(row.resourcePolicy === undefined ? {} : { policy: row.resourcePolicy }),
        },
      })
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== 'invalid-input') throw error
      return unaskable(row, error.message)
    }
    if (!answer.allowed) break
  }
  return answer!
}

/** A question that the evaluator refuses proves nothing, so it counts as the unexpected result. */
function unaskable({ expected }: ProofRow, reason: string): Answer {
  return { allowed: expected === 'denied', result: `not asked: ${reason}`, statement: null }
}
