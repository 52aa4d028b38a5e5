// The questions of the proof, as any build's authorizer takes them.
import { examinedConfigs } from '../examined-config.ts'
import { answerRow, prove } from '../proof.ts'
import type { AccessRequest } from '../../sandbox/authorization/access.ts'
import { createAuthorizer } from '../../sandbox/authorization/authorizer.ts'
import type { CloudDeclaration } from '../../sandbox/declaration.ts'

export interface Questions {
  declaration: CloudDeclaration
  requests: AccessRequest[]
  nowMs: number
  region: string
}

export interface Answers {
  /** Indices of the questions. */
  allowed: number[]
  /** Those that the build can't be asked. */
  refused: number[]
  seconds: number
  cpuSeconds: number
}

/** Every question of `npm run prove` on the example with an Organization. */
export async function listQuestions(): Promise<Questions> {
  const nowMs = Date.now()
  const { declaration, rows, config } = await prove({ config: examinedConfigs.organization, nowMs })
  const { region } = config
  const authorizer = await createAuthorizer(declaration, { nowMs: () => nowMs, region })
  const requests: AccessRequest[] = []
  const recorder = {
    ...authorizer,
    authorize: (request: AccessRequest) => {
      requests.push(request)
      return authorizer.authorize(request)
    },
  }
  for (const row of rows) await answerRow(recorder, row)
  return { declaration, requests, nowMs, region }
}
