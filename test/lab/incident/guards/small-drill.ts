// The drill without database and command line: the program's cloud with one guard taken away, objects that
// the writers put into it, and every step that looks at walls. For the tests that take each guard away.
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { ulid } from 'ulid'
import type { ClaimResult } from '../../../../lab/incident/claims.ts'
import { sources } from '../../../../lab/incident/drill-context.ts'
import type { Provisioned } from '../../../../lab/incident/drill-context.ts'
import { connectS3 } from '../../../../lab/incident/sessions.ts'
import { attack } from '../../../../lab/incident/steps/attack.ts'
import { examineGuards } from '../../../../lab/incident/steps/guards.ts'
import { attackLockAlone } from '../../../../lab/incident/steps/last-wall.ts'
import { prove, recordVault } from '../../../../lab/incident/steps/prove.ts'
import { provision } from '../../../../lab/incident/steps/provision.ts'
import { passTime } from '../../../../lab/incident/steps/time.ts'
import type { AccessRequest } from '../../../../lab/sandbox/authorization/access.ts'
import type { CloudDeclaration } from '../../../../lab/sandbox/declaration.ts'
import { makeSmallContext } from '../small-context.ts'

/** Claims that need a database, an agent's process or the command line, such as the nights: other tests have them. */
const elsewhere =
  /^(?:first|second|restored|states|rpo|rto|production-destroyed|database|credential|backups|silent|live|last|dropped)-|-turns?-red$/

export interface WallDrill {
  fell: string[]
  notExamined: string[]
  /** Every claim that fell or could not be examined, with why. */
  findings: Record<string, string[]>
}

export interface WallDrillOptions {
  /** The guard to remove. */
  without?: string
  /** False leaves out the attacks, and the comparison of the vault after them. */
  attacks?: boolean
  /** Called with each question to the authorizer during the attacks, after its decision. */
  onQuestion?: (question: AskedQuestion) => void
}

/** A question to the authorizer, with its decision and its time. */
export interface AskedQuestion {
  readonly request: AccessRequest
  readonly declaration: CloudDeclaration
  readonly allowed: boolean
  readonly atMs: number
}

export async function drillWalls({
  without,
  attacks = true,
  onQuestion,
}: WallDrillOptions = {}): Promise<WallDrill> {
  const { context, end } = makeSmallContext({ without })
  const crashes: string[] = []
  const step = <T>(run: () => Promise<T>) =>
    run().catch((error: unknown) => {
      crashes.push(String(error))
      return undefined
    })
  try {
    const provisioned = await provision(context)
    await fillVault(provisioned)
    const before = await recordVault(context, provisioned)
    provisioned.sandbox.clock.turn(3_600_000)
    if (attacks) {
      const foundKey = provisioned.sandbox.rootCredentials(provisioned.accounts.production)
      const endWatch = onQuestion === undefined ? () => undefined : watchQuestions(provisioned, onQuestion)
      const attacked = await step(() => attack(context, provisioned, { foundKey }, before.byApi))
      endWatch()
      await step(async () => prove(context, before, await recordVault(context, provisioned), attacked))
    }
    await step(() => examineGuards(context, provisioned, before.byApi))
    await step(() => attackLockAlone(context, provisioned, before.byDisk))
    await step(() => passTime(context, provisioned))
  } finally {
    crashes.push(...(await end()))
  }
  return summarize(context.ledger.results, crashes)
}

function watchQuestions(
  { authorizer, declaration }: Provisioned,
  onQuestion: (question: AskedQuestion) => void,
): () => void {
  const authorize = authorizer.authorize.bind(authorizer)
  authorizer.authorize = async (request) => {
    const atMs = authorizer.nowMs()
    const decision = await authorize(request)
    onQuestion({ request, declaration, allowed: decision.allowed, atMs })
    return decision
  }
  return () => {
    authorizer.authorize = authorize
  }
}

async function fillVault({ sandbox, sessions, region, vault }: Provisioned): Promise<void> {
  for (const { name } of sources) {
    const client = connectS3(
      { endpoint: sandbox.endpoint, region, clockOffsetMs: sandbox.clock.offsetMs },
      await sessions.of(`holdfast-writer-${name}`),
    )
    for (const kind of ['packs/g1', 'manifests']) {
      await client.send(
        new PutObjectCommand({
          Bucket: vault.name,
          Key: `sources/${name}/${kind}/${ulid()}`,
          Body: `${kind} of ${name}`,
          IfNoneMatch: '*',
        }),
      )
    }
    client.destroy()
  }
}

function summarize(results: ClaimResult[], crashes: string[]): WallDrill {
  const concerned = results.filter(
    ({ name }) => !elsewhere.test(name) && name !== 'second-backup-incremental',
  )
  const fallen = concerned.filter(({ status }) => status !== 'held')
  return {
    fell: fallen.filter(({ status }) => status === 'fell').map(({ name }) => name),
    notExamined: fallen.filter(({ status }) => status === 'not-examined').map(({ name }) => name),
    findings: Object.fromEntries([
      ...fallen.map(({ name, findings }): [string, string[]] => [name, findings]),
      ...(crashes.length === 0 ? [] : ([['crashed', crashes]] as [string, string[]][])),
    ]),
  }
}
