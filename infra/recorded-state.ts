// Stand-ins for the ids and ARNs that AWS returns for new resources, as far as the program uses them.

interface State {
  id: string
  state: Record<string, unknown>
}

/**
 * Values that only AWS can assign get an id with `recorded`, so that a reader doesn't take it for a real one.
 */
export function stateOf(
  type: string,
  name: string,
  accountId: string | null,
  inputs: Record<string, unknown>,
): State {
  const text = (key: string) => (typeof inputs[key] === 'string' ? inputs[key] : '')
  const createdAs = (id: string, outputs: Record<string, unknown> = {}): State => ({
    id,
    state: { ...inputs, ...outputs },
  })
  const iam = (kind: string, resourceName: string) =>
    `arn:aws:iam::${accountId}:${kind}${text('path') || '/'}${resourceName}`
  switch (type) {
    case 'aws:s3/bucket:Bucket':
      return createdAs(text('bucket'), { arn: `arn:aws:s3:::${text('bucket')}` })
    case 'aws:iam/role:Role':
      return createdAs(text('name'), { arn: iam('role', text('name')) })
    case 'aws:iam/policy:Policy':
      return createdAs(iam('policy', text('name')), { arn: iam('policy', text('name')) })
    case 'aws:iam/openIdConnectProvider:OpenIdConnectProvider': {
      const arn = `arn:aws:iam::${accountId}:oidc-provider/${text('url').replace(/^https:\/\//, '')}`
      return createdAs(arn, { arn })
    }
    case 'aws:rolesanywhere/trustAnchor:TrustAnchor':
    case 'aws:rolesanywhere/profile:Profile': {
      const kind = type.endsWith('Profile') ? 'profile' : 'trust-anchor'
      return createdAs(`recorded-${name}`, {
        arn: `arn:aws:rolesanywhere:recorded:${accountId}:${kind}/recorded-${name}`,
      })
    }
    case 'aws:organizations/policy:Policy':
      return createdAs(`p-recorded-${name}`)
    case 'aws:organizations/organizationalUnit:OrganizationalUnit':
      return createdAs(`ou-recorded-${name}`)
    case 'aws:sns/topic:Topic': {
      const arn = `arn:aws:sns:recorded:${accountId}:${text('name')}`
      return createdAs(arn, { arn })
    }
    case 'aws:ecs/taskDefinition:TaskDefinition': {
      const arn = `arn:aws:ecs:recorded:${accountId}:task-definition/${text('family')}:1`
      return createdAs(text('family'), { arn })
    }
    case 'aws:efs/fileSystem:FileSystem':
    case 'aws:efs/accessPoint:AccessPoint': {
      const [kind, prefix] = type.endsWith('FileSystem') ? ['file-system', 'fs'] : ['access-point', 'fsap']
      const id = `${prefix}-recorded-${name}`
      return createdAs(id, { arn: `arn:aws:elasticfilesystem:recorded:${accountId}:${kind}/${id}` })
    }
    case 'aws:ec2/subnet:Subnet':
      return createdAs(`recorded-${name}`, { availabilityZone: 'recorded' })
    case 'aws:ec2/vpc:Vpc':
      return createdAs(`vpc-recorded-${name}`, { mainRouteTableId: `rtb-recorded-${name}` })
    case 'aws:ec2/vpcEndpoint:VpcEndpoint':
      return createdAs(`vpce-recorded-${name}`, { prefixListId: `pl-recorded-${name}` })
    default:
      return createdAs(`recorded-${name}`)
  }
}
