// The owner of declared resources: a component that an importing stack makes, or one of our own layers.
import type * as aws from '@pulumi/aws'
import type * as pulumi from '@pulumi/pulumi'

/**
 * Below a component, or at the root of the stack with the provider of one account. The layers declare at the root,
 * because another parent would give the resources of deployed stacks other URNs, and the engine would replace them.
 */
export type Owner = OwnerOptions &
  ({ readonly parent: pulumi.Resource } | { readonly provider: aws.Provider })

interface OwnerOptions {
  readonly protect?: boolean
  /** Resources that have to be there before. */
  readonly dependsOn?: pulumi.Resource[]
}

/** The same owner in the form that components take. */
export function componentOptions(owner: Owner): pulumi.ComponentResourceOptions {
  if (!('provider' in owner)) return owner
  const { provider, ...options } = owner
  return { ...options, providers: [provider] }
}
