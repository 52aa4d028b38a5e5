// The proof: what the program declares, asked everything that matters, by everybody.
import { readConfig } from '../../infra/config-reader.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import { createAuthorizer } from '../sandbox/authorization/authorizer.ts'
import type { PolicyAuthorizer } from '../sandbox/authorization/authorizer.ts'
import { evaluate } from '../sandbox/authorization/evaluate.ts'
import type { CloudDeclaration } from '../sandbox/declaration.ts'
import { loadProgram } from '../sandbox/loader/loader.ts'
import { addByHand, castOf, followChains } from './principals.ts'
import type { Subject } from './principals.ts'
import { checkRows } from './check-rows.ts'
import { destructionRows, environmentRows, weakeningRows } from './denied-rows.ts'
import { approvalRows, dutyRows } from './duty-rows.ts'
import { examinationRows } from './examination-rows.ts'
import type { Answer, ProofRow, ProvenRow } from './proof-row.ts'
import { serviceRows } from './service-rows.ts'
import { examineSettings } from './settings.ts'
import type { Setting } from './setting.ts'
import { wayInRows } from './way-in-rows.ts'

export interface Proof {
  name: 'organization' | 'detached'
  declaration: CloudDeclaration
  resources: RecordedResource[]
  config: HoldfastConfig
  rows: ProvenRow[]
  settings: Setting[]
  nowMs: number
}

export interface ProofOptions {
  /** Values of `holdfast:*`, all of them: what is left out has its default. */
  config: Record<string, unknown>
  nowMs: number
}

/** @throws as the loader does, and HoldfastError `internal` if a request's context key would be left out of a decision. */
export async function prove(options: ProofOptions): Promise<Proof> {
  const { config: raw, nowMs } = options
  const { declaration, resources } = await loadProgram({ config: raw, isWhole: true })
  return proveDeclaration(declaration, resources, readConfig({ ...raw, layer: 'vault' }, nowMs), nowMs)
}

export async function proveDeclaration(
  declared: CloudDeclaration,
  resources: RecordedResource[],
  config: HoldfastConfig,
  nowMs: number,
): Promise<Proof> {
  const declaration = addByHand(declared, nowMs)
  const authorizer = await createAuthorizer(declaration, { nowMs: () => nowMs, region: config.region })
  const rows = await listRows(config, authorizer, resources)
  const proven: ProvenRow[] = []
  for (const row of rows) proven.push({ ...row, answer: await answerRow(authorizer, row) })
  return {
    name: config.detached ? 'detached' : 'organization',
    declaration,
    resources,
    config,
    rows: proven,
    nowMs,
    settings: examineSettings(declaration, resources, config),
  }
}

async function listRows(
  config: HoldfastConfig,
  authorizer: PolicyAuthorizer,
  resources: readonly RecordedResource[],
): Promise<ProofRow[]> {
  const { declaration } = authorizer
  const cast = castOf(declaration, authorizer.nowMs())
  const outside = cast.filter(({ account }) => account !== 'vault')
  const chains = await followChains(authorizer, outside, cast)
  const everybody: Subject[] = [...cast, ...chains]
  return [
    ...(await destructionRows(config, everybody)),
    ...(await environmentRows(config, cast)),
    ...(await weakeningRows(config, everybody)),
    ...wayInRows(config, declaration, cast),
    ...serviceRows(config, declaration, resources, cast),
    ...checkRows(config, cast),
    ...examinationRows(config, resources, cast),
    ...(await approvalRows(config, cast, authorizer.nowMs())),
    ...(await dutyRows(config, cast)),
  ]
}

/** The answer to a row: the first permission that is refused, or the last one that is given. */
export async function answerRow(authorizer: PolicyAuthorizer, row: ProofRow): Promise<Answer> {
  let answer: Answer | null = null
  for (const action of row.actions) {
    answer = await evaluate(authorizer, row.principal, action, row.resource, row.context, {
      accountId: row.resourceAccountId,
      ...(row.resourcePolicy === undefined ? {} : { policy: row.resourcePolicy }),
    })
    if (!answer.allowed) break
  }
  return answer!
}
