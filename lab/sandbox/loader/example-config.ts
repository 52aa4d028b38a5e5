// The configuration that drills, demonstrations and `npm run sandbox` load: accounts, sources and agents of
// one fleet. A user would write the same with `pulumi config`; the vault is armed.
import { imageRepository, vaultBucketName } from '../../../guardrails/names.ts'
import { armingPhrase } from '../../../infra/config.ts'
import type { Layer } from '../../../infra/config.ts'

export const exampleAccounts = {
  vault: '111111111111',
  production: '222222222222',
  organization: '333333333333',
  /** An account outside the organization. */
  outsider: '444444444444',
} as const

const { vault, production, organization } = exampleAccounts
const region = 'eu-central-1'
const [promiseDays, generationDays] = [30, 10]

export const exampleConfig = {
  region,
  vaultAccountId: vault,
  productionAccountId: production,
  managementAccountId: organization,
  organizationId: 'o-example0001',
  organizationParentId: 'r-exam',
  promiseDays,
  generationDays,
  retentionCapDays: 400,
  arm: armingPhrase(vaultBucketName({ accountId: vault, region }), promiseDays + generationDays),
  vaultBucket: vaultBucketName({ accountId: vault, region }),
  image: `${imageRepository({ accountId: vault, region })}@sha256:${'0'.repeat(64)}`,
  examine: true,
  sources: [
    {
      name: 'rental-db',
      kind: 'postgres',
      trust: { awsRoleArn: `arn:aws:iam::${production}:role/workloads/rental-db` },
    },
    { name: 'uploads', trust: { awsRoleArn: `arn:aws:iam::${production}:role/workloads/uploads` } },
    // Production that runs outside AWS, as in the incident.
    {
      name: 'site',
      trust: {
        oidc: {
          issuer: 'https://oidc.platform.example',
          audience: 'holdfast',
          subject: 'project:rental:service:site',
        },
      },
    },
  ],
  native: [{ tag: 'backup=daily', schedule: 'daily', retentionDays: 35 }],
  restorers: [`arn:aws:iam::${vault}:role/people/restore-operator`],
  runners: [`arn:aws:iam::${vault}:role/people/check-runner`],
  deployers: [`arn:aws:iam::${vault}:role/people/vault-deployer`],
  agents: [
    {
      name: 'staging',
      environment: 'staging',
      // Tags overwrite what policies and backup plans look at, and an execution runs as the machine's role: both are
      // named.
      may: ['ec2:*', 'ec2:CreateTags', 'rds:*', 's3:*', 'logs:*', 'states:*', 'states:StartExecution'],
    },
    {
      name: 'production',
      environment: 'production',
      may: ['ec2:Describe*', 'ec2:StartInstances', 'ec2:StopInstances', 'rds:Describe*', 'logs:*'],
    },
  ],
  launchers: [`arn:aws:iam::${production}:role/workloads/agent-launcher`],
  breakGlass: [`arn:aws:iam::${production}:role/people/operator`],
  alarmEmails: ['on-call@pager.example'],
  productionDomains: ['rental.example'],
  administrators: [`arn:aws:iam::${production}:role/people/operator`],
  responders: [`arn:aws:iam::${production}:role/people/operator`],
  quarantineAgents: true,
} satisfies Record<string, unknown>

/** The example's fleet sets these without an Organization; AWS Backup copies between accounts only within one. */
export const withoutOrganization = {
  detached: true,
  organizationId: '',
  managementAccountId: '',
  native: [],
} as const

/** The order of a first deployment: the organization layer freezes the resources of the vault layer. */
export const exampleLayers: readonly Layer[] = ['vault', 'production', 'organization']
