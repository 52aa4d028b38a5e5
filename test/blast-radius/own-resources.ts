// Questions about the resources that AWS's reference gives for each destructive action.
import { actionsToAsk } from '../../blast-radius/destructive-actions.ts'
import { evaluatePolicies } from '../../blast-radius/policy-evaluator.ts'
import { loadResourceTypes } from '../../blast-radius/resource-types.ts'

export interface OwnResource {
  action: string
  /** Pattern of a type of resources that the action takes; `*` for an action without resources. */
  type: string
}

export async function ownResources(): Promise<OwnResource[]> {
  const findTypes = await loadResourceTypes('@cloud-copilot/iam-simulate')
  const questions: OwnResource[] = []
  for (const action of actionsToAsk()) {
    const types = await findTypes(action)
    for (const type of types.length === 0 ? ['*'] : types) questions.push({ action, type })
  }
  return questions
}

/** The type as people write it in a policy: in any region, of any account. */
export function anywhere(type: string): string {
  return type
    .split(':')
    .map((field, index) => (index === 3 || index === 4 ? '*' : field))
    .join(':')
}

/** The actions that count as denied, although a policy allows them on the resource. */
export async function findMissed(resource: string, actions: readonly string[]): Promise<string[]> {
  const Statement = [{ Effect: 'Allow', Action: actions, Resource: resource }]
  const source = await evaluatePolicies({
    principalArn: null,
    tags: {},
    identity: [{ name: 'identity', document: { Version: '2012-10-17', Statement } }],
    boundary: null,
    session: null,
    scps: [],
  })
  const permissions = await source.decide(actions)
  return permissions.filter(({ allowed }) => !allowed).map(({ action }) => `${action} on ${resource}`)
}
