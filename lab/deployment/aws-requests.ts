// Each resource of the program becomes a request of AWS. This table has the request, and where the inputs stand in it.
// Names that differ in case or plural only need no row.

export interface RequestRow {
  /** `service.Operation`, as botocore names them. */
  readonly operation: string
  /**
   * Inputs by path to members: `Member.Member`, seen from the structure around the input, or `Operation:Member` of
   * another request. Null for what is no part of any request.
   */
  readonly members?: Readonly<Record<string, string | null>>
}

const tagsOfEc2 = { tags: 'TagSpecifications.Tags' }
const trafficRule: RequestRow = {
  operation: 'ec2.AuthorizeSecurityGroupIngress',
  members: {
    securityGroupId: 'GroupId',
    cidrIpv4: 'CidrIp',
    prefixListId: 'IpPermissions.PrefixListIds.PrefixListId',
    referencedSecurityGroupId: 'IpPermissions.UserIdGroupPairs.GroupId',
    description: 'IpPermissions.IpRanges.Description',
    ...tagsOfEc2,
  },
}

export const requests: Readonly<Record<string, RequestRow>> = {
  'aws:backup/globalSettings:GlobalSettings': { operation: 'backup.UpdateGlobalSettings' },
  'aws:backup/logicallyAirGappedVault:LogicallyAirGappedVault': {
    operation: 'backup.CreateLogicallyAirGappedBackupVault',
    members: { name: 'BackupVaultName', tags: 'BackupVaultTags' },
  },
  'aws:backup/plan:Plan': {
    operation: 'backup.CreateBackupPlan',
    members: {
      name: 'BackupPlan.BackupPlanName',
      rules: 'BackupPlan.Rules',
      'rules.schedule': 'ScheduleExpression',
      'rules.startWindow': 'StartWindowMinutes',
      'rules.completionWindow': 'CompletionWindowMinutes',
      'rules.targetVaultName': 'TargetBackupVaultName',
      'rules.copyActions.destinationVaultArn': 'DestinationBackupVaultArn',
      'rules.copyActions.lifecycle.deleteAfter': 'DeleteAfterDays',
      'rules.lifecycle.deleteAfter': 'DeleteAfterDays',
      tags: 'BackupPlanTags',
    },
  },
  'aws:backup/restoreTestingPlan:RestoreTestingPlan': {
    operation: 'backup.CreateRestoreTestingPlan',
    members: {
      name: 'RestoreTestingPlan.RestoreTestingPlanName',
      recoveryPointSelection: 'RestoreTestingPlan.RecoveryPointSelection',
      scheduleExpression: 'RestoreTestingPlan.ScheduleExpression',
      startWindowHours: 'RestoreTestingPlan.StartWindowHours',
    },
  },
  'aws:backup/restoreTestingSelection:RestoreTestingSelection': {
    operation: 'backup.CreateRestoreTestingSelection',
    members: {
      name: 'RestoreTestingSelection.RestoreTestingSelectionName',
      iamRoleArn: 'RestoreTestingSelection.IamRoleArn',
      protectedResourceArns: 'RestoreTestingSelection.ProtectedResourceArns',
      protectedResourceType: 'RestoreTestingSelection.ProtectedResourceType',
      restoreMetadataOverrides: 'RestoreTestingSelection.RestoreMetadataOverrides',
      validationWindowHours: 'RestoreTestingSelection.ValidationWindowHours',
    },
  },
  'aws:backup/selection:Selection': {
    operation: 'backup.CreateBackupSelection',
    members: {
      iamRoleArn: 'BackupSelection.IamRoleArn',
      name: 'BackupSelection.SelectionName',
      planId: 'BackupPlanId',
      selectionTags: 'BackupSelection.ListOfTags',
      'selectionTags.key': 'ConditionKey',
      'selectionTags.type': 'ConditionType',
      'selectionTags.value': 'ConditionValue',
    },
  },
  'aws:backup/vault:Vault': {
    operation: 'backup.CreateBackupVault',
    members: { name: 'BackupVaultName', tags: 'BackupVaultTags' },
  },
  'aws:backup/vaultPolicy:VaultPolicy': { operation: 'backup.PutBackupVaultAccessPolicy' },
  'aws:cloudtrail/trail:Trail': {
    operation: 'cloudtrail.CreateTrail',
    members: {
      advancedEventSelectors: 'PutEventSelectors:AdvancedEventSelectors',
      'advancedEventSelectors.fieldSelectors.startsWiths': 'StartsWith',
      cloudWatchLogsGroupArn: 'CloudWatchLogsLogGroupArn',
      tags: 'TagsList',
    },
  },
  'aws:cloudwatch/eventBus:EventBus': { operation: 'events.CreateEventBus' },
  'aws:cloudwatch/eventBusPolicy:EventBusPolicy': { operation: 'events.PutPermission' },
  'aws:cloudwatch/eventRule:EventRule': { operation: 'events.PutRule' },
  'aws:cloudwatch/eventTarget:EventTarget': {
    operation: 'events.PutTargets',
    members: {
      arn: 'Targets.Arn',
      inputTransformer: 'Targets.InputTransformer',
      'inputTransformer.inputPaths': 'InputPathsMap',
      roleArn: 'Targets.RoleArn',
      targetId: 'Targets.Id',
    },
  },
  'aws:cloudwatch/logGroup:LogGroup': {
    operation: 'logs.CreateLogGroup',
    members: { name: 'logGroupName', retentionInDays: 'PutRetentionPolicy:retentionInDays' },
  },
  'aws:cloudwatch/logMetricFilter:LogMetricFilter': {
    operation: 'logs.PutMetricFilter',
    members: {
      name: 'filterName',
      pattern: 'filterPattern',
      'metricTransformation.name': 'metricName',
      'metricTransformation.namespace': 'metricNamespace',
      'metricTransformation.value': 'metricValue',
    },
  },
  'aws:cloudwatch/logResourcePolicy:LogResourcePolicy': { operation: 'logs.PutResourcePolicy' },
  'aws:cloudwatch/metricAlarm:MetricAlarm': {
    operation: 'cloudwatch.PutMetricAlarm',
    members: { name: 'AlarmName' },
  },
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': {
    operation: 'ec2.CreateSecurityGroup',
    // Lists that have to be empty: the provider revokes every rule.
    members: { ingress: null, egress: null, ...tagsOfEc2 },
  },
  'aws:ec2/routeTable:RouteTable': {
    operation: 'ec2.CreateRouteTable',
    // A list that has to be empty: the provider deletes every route.
    members: { routes: null, ...tagsOfEc2 },
  },
  'aws:ec2/routeTableAssociation:RouteTableAssociation': { operation: 'ec2.AssociateRouteTable' },
  'aws:ec2/securityGroup:SecurityGroup': {
    operation: 'ec2.CreateSecurityGroup',
    members: { name: 'GroupName', ...tagsOfEc2 },
  },
  'aws:ec2/subnet:Subnet': {
    operation: 'ec2.CreateSubnet',
    members: { mapPublicIpOnLaunch: 'ModifySubnetAttribute:MapPublicIpOnLaunch', ...tagsOfEc2 },
  },
  'aws:ec2/vpc:Vpc': {
    operation: 'ec2.CreateVpc',
    members: {
      enableDnsHostnames: 'ModifyVpcAttribute:EnableDnsHostnames',
      enableDnsSupport: 'ModifyVpcAttribute:EnableDnsSupport',
      ...tagsOfEc2,
    },
  },
  'aws:ec2/vpcEndpoint:VpcEndpoint': {
    operation: 'ec2.CreateVpcEndpoint',
    members: { policy: 'PolicyDocument', ...tagsOfEc2 },
  },
  'aws:ecr/replicationConfiguration:ReplicationConfiguration': {
    operation: 'ecr.PutReplicationConfiguration',
  },
  'aws:ecr/repository:Repository': { operation: 'ecr.CreateRepository', members: { name: 'repositoryName' } },
  'aws:ecs/cluster:Cluster': { operation: 'ecs.CreateCluster', members: { name: 'clusterName' } },
  'aws:ecs/taskDefinition:TaskDefinition': {
    operation: 'ecs.RegisterTaskDefinition',
    // Whether a deletion keeps the definition is the provider's own setting.
    members: { skipDestroy: null },
  },
  'aws:efs/accessPoint:AccessPoint': { operation: 'efs.CreateAccessPoint' },
  'aws:efs/fileSystem:FileSystem': { operation: 'efs.CreateFileSystem' },
  'aws:efs/fileSystemPolicy:FileSystemPolicy': { operation: 'efs.PutFileSystemPolicy' },
  'aws:efs/mountTarget:MountTarget': { operation: 'efs.CreateMountTarget' },
  'aws:iam/openIdConnectProvider:OpenIdConnectProvider': { operation: 'iam.CreateOpenIDConnectProvider' },
  'aws:iam/policy:Policy': {
    operation: 'iam.CreatePolicy',
    members: { name: 'PolicyName', policy: 'PolicyDocument' },
  },
  'aws:iam/role:Role': {
    operation: 'iam.CreateRole',
    members: { name: 'RoleName', assumeRolePolicy: 'AssumeRolePolicyDocument' },
  },
  'aws:iam/rolePolicy:RolePolicy': {
    operation: 'iam.PutRolePolicy',
    members: { name: 'PolicyName', policy: 'PolicyDocument', role: 'RoleName' },
  },
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': {
    operation: 'iam.AttachRolePolicy',
    members: { role: 'RoleName' },
  },
  'aws:iam/userPolicyAttachment:UserPolicyAttachment': {
    operation: 'iam.AttachUserPolicy',
    members: { user: 'UserName' },
  },
  'aws:kms/alias:Alias': { operation: 'kms.CreateAlias', members: { name: 'AliasName' } },
  'aws:kms/key:Key': {
    operation: 'kms.CreateKey',
    members: {
      customerMasterKeySpec: 'KeySpec',
      deletionWindowInDays: 'ScheduleKeyDeletion:PendingWindowInDays',
    },
  },
  'aws:organizations/organizationalUnit:OrganizationalUnit': {
    operation: 'organizations.CreateOrganizationalUnit',
  },
  'aws:organizations/policy:Policy': { operation: 'organizations.CreatePolicy' },
  'aws:organizations/policyAttachment:PolicyAttachment': { operation: 'organizations.AttachPolicy' },
  'aws:rbin/rule:Rule': { operation: 'rbin.CreateRule' },
  'aws:rolesanywhere/profile:Profile': { operation: 'rolesanywhere.CreateProfile' },
  'aws:rolesanywhere/trustAnchor:TrustAnchor': { operation: 'rolesanywhere.CreateTrustAnchor' },
  'aws:route53/resolverFirewallConfig:ResolverFirewallConfig': {
    operation: 'route53resolver.UpdateFirewallConfig',
  },
  'aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList': {
    operation: 'route53resolver.CreateFirewallDomainList',
    members: { domains: 'UpdateFirewallDomains:Domains' },
  },
  'aws:route53/resolverFirewallRule:ResolverFirewallRule': {
    operation: 'route53resolver.CreateFirewallRule',
  },
  'aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup': {
    operation: 'route53resolver.CreateFirewallRuleGroup',
  },
  'aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation': {
    operation: 'route53resolver.AssociateFirewallRuleGroup',
  },
  'aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock': {
    operation: 's3control.PutPublicAccessBlock',
    members: inside('PublicAccessBlockConfiguration', [
      'blockPublicAcls',
      'blockPublicPolicy',
      'ignorePublicAcls',
      'restrictPublicBuckets',
    ]),
  },
  'aws:s3/bucket:Bucket': {
    operation: 's3.CreateBucket',
    members: { objectLockEnabled: 'ObjectLockEnabledForBucket' },
  },
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': {
    operation: 's3.PutBucketLifecycleConfiguration',
    members: { rules: 'LifecycleConfiguration.Rules' },
  },
  'aws:s3/bucketNotification:BucketNotification': {
    operation: 's3.PutBucketNotificationConfiguration',
    members: { eventbridge: 'NotificationConfiguration.EventBridgeConfiguration' },
  },
  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': {
    operation: 's3.PutObjectLockConfiguration',
    members: inside('ObjectLockConfiguration', ['objectLockEnabled', 'rule']),
  },
  'aws:s3/bucketObjectv2:BucketObjectv2': {
    operation: 's3.PutObject',
    // The content is a file.
    members: { source: null, content: 'Body' },
  },
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': {
    operation: 's3.PutBucketOwnershipControls',
    members: { rule: 'OwnershipControls.Rules' },
  },
  'aws:s3/bucketPolicy:BucketPolicy': { operation: 's3.PutBucketPolicy' },
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': {
    operation: 's3.PutPublicAccessBlock',
    members: inside('PublicAccessBlockConfiguration', [
      'blockPublicAcls',
      'blockPublicPolicy',
      'ignorePublicAcls',
      'restrictPublicBuckets',
    ]),
  },
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': {
    operation: 's3.PutBucketEncryption',
    members: {
      rules: 'ServerSideEncryptionConfiguration.Rules',
      'rules.blockedEncryptionTypes': 'BlockedEncryptionTypes.EncryptionType',
    },
  },
  'aws:s3/bucketVersioning:BucketVersioning': { operation: 's3.PutBucketVersioning' },
  'aws:scheduler/schedule:Schedule': {
    operation: 'scheduler.CreateSchedule',
    members: {
      'target.ecsParameters.networkConfiguration.assignPublicIp': 'awsvpcConfiguration.AssignPublicIp',
      'target.ecsParameters.networkConfiguration.securityGroups': 'awsvpcConfiguration.SecurityGroups',
      'target.ecsParameters.networkConfiguration.subnets': 'awsvpcConfiguration.Subnets',
    },
  },
  'aws:scheduler/scheduleGroup:ScheduleGroup': { operation: 'scheduler.CreateScheduleGroup' },
  'aws:sfn/stateMachine:StateMachine': { operation: 'stepfunctions.CreateStateMachine' },
  'aws:sns/topic:Topic': { operation: 'sns.CreateTopic', members: { policy: 'Attributes' } },
  'aws:sns/topicSubscription:TopicSubscription': {
    operation: 'sns.Subscribe',
    members: { topic: 'TopicArn', endpointAutoConfirms: null },
  },
  'aws:sqs/queue:Queue': {
    operation: 'sqs.CreateQueue',
    members: {
      name: 'QueueName',
      messageRetentionSeconds: 'Attributes',
      sqsManagedSseEnabled: 'Attributes',
    },
  },
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': trafficRule,
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': trafficRule,
}

/** Inputs that stand under the same names inside of one member. */
function inside(member: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [name, `${member}.${name[0]!.toUpperCase()}${name.slice(1)}`]),
  )
}
