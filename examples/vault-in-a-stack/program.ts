// A vault in a stack that you have already: the stack owns an account for backups, and declares the vault beside
// what is there.
import * as aws from '@pulumi/aws'
import { Vault } from 'holdfast/pulumi'

const region = 'eu-central-1'
const backupAccountId = '111111111111'
const shopAccountId = '222222222222'

export default function program(): Record<string, unknown> {
  // Your provider. `allowedAccountIds` refuses the credentials of any other account.
  const provider = new aws.Provider('backups', { region, allowedAccountIds: [backupAccountId] })

  // The stack had this before: a topic that your pager listens to.
  const pages = new aws.sns.Topic('pages', { name: 'pages' }, { provider, protect: true })

  const vault = new Vault(
    'vault',
    {
      vaultAccountId: backupAccountId,
      productionAccountId: shopAccountId,
      region,
      sources: [
        { name: 'orders', trust: { awsRoleArn: `arn:aws:iam::${shopAccountId}:role/workloads/orders` } },
        { name: 'images', trust: { awsRoleArn: `arn:aws:iam::${shopAccountId}:role/workloads/images` } },
      ],
      restorers: [`arn:aws:iam::${backupAccountId}:role/people/on-call`],
      alarmEmails: ['on-call@pager.example'],
      productionDomains: ['shop.example'],
    },
    { provider },
  )

  return {
    pages: pages.arn,
    vaultBucket: vault.bucketName,
    // The role that the workload of `orders` assumes: holdfast backup … --role ARN
    ordersWriter: vault.writerRoleArns['orders'],
    // pulumi stack output holdfast --json > holdfast.json, then: restore --config holdfast.json …
    holdfast: vault.configuration,
  }
}
