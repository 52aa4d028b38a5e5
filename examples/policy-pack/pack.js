// pulumi preview --policy-pack examples/policy-pack
import { PolicyPack } from '@pulumi/policy'
import { policies } from 'holdfast/pulumi/policies'

new PolicyPack(
  'shop-guardrails',
  { policies },
  {
    // Your own vaults: the stack can't lose one of these names without a violation. The level is repeated, because Pulumi
    // takes a configuration without one as advisory.
    'vault-stays': { enforcementLevel: 'mandatory', buckets: [] },
  },
)
