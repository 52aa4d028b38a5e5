import * as aws from '@pulumi/aws'

/** The provider of one account. It refuses to work with credentials of any other, whatever the environment holds. */
export function accountProvider(name: string, accountId: string, region: string): aws.Provider {
  return new aws.Provider(name, { allowedAccountIds: [accountId], region: region as aws.Region })
}
