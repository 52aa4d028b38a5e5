import * as aws from '@pulumi/aws'

/** The provider of one account. It rejects credentials of any other account that the environment holds. */
export function accountProvider(name: string, accountId: string, region: string): aws.Provider {
  return new aws.Provider(name, { allowedAccountIds: [accountId], region: region as aws.Region })
}
