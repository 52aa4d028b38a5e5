// The ids and ARNs that AWS gives to what the program creates, as far as the program goes on to use them.

interface State {
  id: string
  state: Record<string, unknown>
}

/** What is only known after a deployment gets an id that is recognizable as no real one. */
export function stateOf(
  type: string,
  name: string,
  accountId: string | null,
  inputs: Record<string, unknown>,
): State {
  const text = (key: string) => (typeof inputs[key] === 'string' ? inputs[key] : '')
  const given = (id: string, more: Record<string, unknown> = {}): State => ({
    id,
    state: { ...inputs, ...more },
  })
  const iam = (kind: string, called: string) =>
    `arn:aws:iam::${accountId}:${kind}${text('path') || '/'}${called}`
  switch (type) {
    case 'aws:s3/bucket:Bucket':
      return given(text('bucket'), { arn: `arn:aws:s3:::${text('bucket')}` })
    case 'aws:iam/role:Role':
      return given(text('name'), { arn: iam('role', text('name')) })
    case 'aws:iam/policy:Policy':
      return given(iam('policy', text('name')), { arn: iam('policy', text('name')) })
    case 'aws:iam/openIdConnectProvider:OpenIdConnectProvider': {
      const arn = `arn:aws:iam::${accountId}:oidc-provider/${text('url').replace(/^https:\/\//, '')}`
      return given(arn, { arn })
    }
    case 'aws:rolesanywhere/trustAnchor:TrustAnchor':
    case 'aws:rolesanywhere/profile:Profile': {
      const kind = type.endsWith('Profile') ? 'profile' : 'trust-anchor'
      return given(`recorded-${name}`, {
        arn: `arn:aws:rolesanywhere:recorded:${accountId}:${kind}/recorded-${name}`,
      })
    }
    case 'aws:organizations/policy:Policy':
      return given(`p-recorded-${name}`)
    case 'aws:organizations/organizationalUnit:OrganizationalUnit':
      return given(`ou-recorded-${name}`)
    case 'aws:sns/topic:Topic': {
      const arn = `arn:aws:sns:recorded:${accountId}:${text('name')}`
      return given(arn, { arn })
    }
    case 'aws:ecs/taskDefinition:TaskDefinition': {
      const arn = `arn:aws:ecs:recorded:${accountId}:task-definition/${text('family')}:1`
      return given(text('family'), { arn })
    }
    case 'aws:efs/fileSystem:FileSystem':
    case 'aws:efs/accessPoint:AccessPoint': {
      const [kind, prefix] = type.endsWith('FileSystem') ? ['file-system', 'fs'] : ['access-point', 'fsap']
      const id = `${prefix}-recorded-${name}`
      return given(id, { arn: `arn:aws:elasticfilesystem:recorded:${accountId}:${kind}/${id}` })
    }
    case 'aws:ec2/subnet:Subnet':
      return given(`recorded-${name}`, { availabilityZone: 'recorded' })
    case 'aws:ec2/vpc:Vpc':
      return given(`vpc-recorded-${name}`, { mainRouteTableId: `rtb-recorded-${name}` })
    case 'aws:ec2/vpcEndpoint:VpcEndpoint':
      return given(`vpce-recorded-${name}`, { prefixListId: `pl-recorded-${name}` })
    default:
      return given(`recorded-${name}`)
  }
}
