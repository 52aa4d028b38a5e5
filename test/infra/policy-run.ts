// Runs the policies of a pack over recorded resources, as Pulumi's analyzer does: each resource, then the whole
// stack.
import type { Policies, ResourceValidationArgs, StackValidationArgs } from '@pulumi/policy'
import type { RecordedResource } from '../../infra/recording.ts'

/** The part of a recorded resource that the policies read. */
export type Declared = Pick<RecordedResource, 'type' | 'name' | 'inputs' | 'protect'> & {
  deleteBeforeReplace?: boolean
}

/** `policy: resource: message` for each violation. */
export async function violationsOf(
  policies: Policies,
  resources: readonly Declared[],
  config: Readonly<Record<string, object>> = {},
): Promise<string[]> {
  const violations: string[] = []
  for (const policy of policies) {
    const getConfig = () => config[policy.name] ?? {}
    if ('validateStack' in policy) {
      const args = {
        resources: resources.map(({ type, name, inputs }) => ({ type, name, props: inputs })),
        getConfig,
      }
      await policy.validateStack(args as unknown as StackValidationArgs, (message) =>
        violations.push(`${policy.name}: ${message}`),
      )
      continue
    }
    for (const { type, name, inputs, protect, deleteBeforeReplace } of resources) {
      const args = { type, name, props: inputs, opts: { protect, deleteBeforeReplace }, getConfig }
      for (const validate of [policy.validateResource ?? []].flat())
        await validate(args as unknown as ResourceValidationArgs, (message) =>
          violations.push(`${policy.name}: ${name}: ${message}`),
        )
    }
  }
  return violations
}
