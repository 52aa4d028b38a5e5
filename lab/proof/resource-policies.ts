// Policies of resources that the sandbox doesn't emulate: bus and topic of alarms, and the file systems of examinations. The proof asks about them, and takes
// their statements out, like those of buckets and roles.
import type { RecordedResource } from '../../infra/recording.ts'
import { listOf, statementsOf } from '../sandbox/authorization/check-policy.ts'
import type { PolicyDocument } from '../sandbox/declaration.ts'

export interface ResourcePolicy {
  label: string
  /** Of the resource that declares it. */
  name: string
  /** ARN of what it hangs on, as its first statement names it. */
  resource: string
  /** The same object for each asking: a row carries it, and a mutant is known by it. */
  document: PolicyDocument
}

const labels: Readonly<Record<string, string>> = {
  'aws:cloudwatch/eventBusPolicy:EventBusPolicy': 'alarm bus policy',
  'aws:sns/topic:Topic': 'alarm topic policy',
  'aws:efs/fileSystemPolicy:FileSystemPolicy': 'hand-over policy',
}

const known = new WeakMap<readonly RecordedResource[], ResourcePolicy[]>()

export function resourcePoliciesOf(resources: readonly RecordedResource[]): ResourcePolicy[] {
  const found =
    known.get(resources) ??
    resources.flatMap(({ type, name, inputs }) => {
      const label = labels[type]
      if (label === undefined || typeof inputs['policy'] !== 'string') return []
      const document = JSON.parse(inputs['policy']) as PolicyDocument
      const resource = String(listOf(statementsOf(document)[0]?.['Resource'])[0])
      // Of file systems there is one for each source; the others are named by where they are.
      return [
        {
          label: `${label} ${type.includes('/fileSystem') ? `of ${name}` : `in ${resource.split(':')[3]}`}`,
          name,
          resource,
          document,
        },
      ]
    })
  known.set(resources, found)
  return found
}

export function findResourcePolicy(
  resources: readonly RecordedResource[],
  arn: string,
): PolicyDocument | null {
  return resourcePoliciesOf(resources).find(({ resource }) => resource === arn)?.document ?? null
}
