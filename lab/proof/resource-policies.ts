// Policies of resources that the sandbox doesn't emulate: the bus and the topics of alarms, and the file systems of restore
// tests. The proof evaluates and mutates them like the policies of buckets and roles.
import type { RecordedResource } from '../../infra/recording.ts'
import { listOf, statementsOf } from '../sandbox/authorization/check-policy.ts'
import type { PolicyDocument } from '../sandbox/declaration.ts'

export interface ResourcePolicy {
  label: string
  /** Name of the declared resource with this policy. */
  name: string
  /** ARN that the first statement names. */
  resource: string
  /** Always the same object, because rows and mutants refer to the document by identity. */
  document: PolicyDocument
}

const labels: Readonly<Record<string, string>> = {
  'aws:cloudwatch/eventBusPolicy:EventBusPolicy': 'alarm bus policy',
  'aws:sns/topic:Topic': 'alarm topic policy',
  'aws:efs/fileSystemPolicy:FileSystemPolicy': 'hand-over policy',
}

const cache = new WeakMap<readonly RecordedResource[], ResourcePolicy[]>()

export function resourcePoliciesOf(resources: readonly RecordedResource[]): ResourcePolicy[] {
  const policies =
    cache.get(resources) ??
    resources.flatMap(({ type, name, inputs }) => {
      const label = labels[type]
      if (label === undefined || typeof inputs['policy'] !== 'string') return []
      const document = JSON.parse(inputs['policy']) as PolicyDocument
      const resource = String(listOf(statementsOf(document)[0]?.['Resource'])[0])
      // Each source has a file system, so its label names the source; the other labels name the region.
      return [
        {
          label: `${label} ${type.includes('/fileSystem') ? `of ${name}` : `in ${resource.split(':')[3]}`}`,
          name,
          resource,
          document,
        },
      ]
    })
  cache.set(resources, policies)
  return policies
}

export function findResourcePolicy(
  resources: readonly RecordedResource[],
  arn: string,
): PolicyDocument | null {
  return resourcePoliciesOf(resources).find(({ resource }) => resource === arn)?.document ?? null
}
