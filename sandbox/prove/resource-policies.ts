// Policies of resources that the sandbox doesn't emulate: the bus and the topic of alarms. The proof asks about them, and takes
// their statements out, like those of buckets and roles.
import type { RecordedResource } from '../../infra/recording.ts'
import type { PolicyDocument } from '../declaration.ts'

export interface ResourcePolicy {
  label: string
  /** The same object for each asking: a row carries it, and a mutant is known by it. */
  document: PolicyDocument
}

const labels: Readonly<Record<string, string>> = {
  'aws:cloudwatch/eventBusPolicy:EventBusPolicy': 'alarm bus policy',
  'aws:sns/topic:Topic': 'alarm topic policy',
}

const known = new WeakMap<readonly RecordedResource[], ResourcePolicy[]>()

export function resourcePoliciesOf(resources: readonly RecordedResource[]): ResourcePolicy[] {
  const found = known.get(resources) ?? resources.flatMap(({ type, inputs }) => {
    const label = labels[type]
    return label === undefined || typeof inputs['policy'] !== 'string' ? [] : [{ label, document: JSON.parse(inputs['policy']) as PolicyDocument }]
  })
  known.set(resources, found)
  return found
}

export function findResourcePolicy(resources: readonly RecordedResource[], label: 'alarm bus policy' | 'alarm topic policy'): PolicyDocument | null {
  return resourcePoliciesOf(resources).find((each) => each.label === label)?.document ?? null
}
