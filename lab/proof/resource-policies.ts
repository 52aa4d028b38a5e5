// Policies of resources that the sandbox doesn't emulate: the bus and the topics of alarms, the log of written
// objects, and the file systems of restore tests. The proof evaluates and mutates them like the policies of buckets
// and roles.
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
  'aws:cloudwatch/logResourcePolicy:LogResourcePolicy': 'log policy',
  'aws:efs/fileSystemPolicy:FileSystemPolicy': 'hand-over policy',
  'aws:backup/vaultPolicy:VaultPolicy': 'native vault policy',
}

const cache = new WeakMap<readonly RecordedResource[], ResourcePolicy[]>()

export function resourcePoliciesOf(resources: readonly RecordedResource[]): ResourcePolicy[] {
  const policies =
    cache.get(resources) ??
    resources.flatMap(({ type, name, inputs }) => {
      const label = labels[type]
      const text = inputs['policy'] ?? inputs['policyDocument']
      if (label === undefined || typeof text !== 'string') return []
      const document = JSON.parse(text) as PolicyDocument
      const resource = String(listOf(statementsOf(document)[0]?.['Resource'])[0])
      // Several file systems and logs have a policy in one region, so their labels name the resource.
      return [
        {
          label: `${label} ${/\/(fileSystem|logResource)Policy/.test(type) ? `of ${name}` : `in ${resource.split(':')[3]}`}`,
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
