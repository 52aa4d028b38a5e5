// Events in the form in which CloudTrail records them and EventBridge hands them on; only what is said differs.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
export interface EventFacts {
  accountId: string
  /** `ec2.amazonaws.com`. */
  source: string
  name: string
  /** ARN of the role, or `root`. */
  by: string
  parameters?: Record<string, string>
  errorCode?: string
  readOnly?: boolean
}

export function recordedEvent({
  accountId,
  source,
  name,
  by,
  parameters,
  errorCode,
  readOnly = false,
}: EventFacts) {
  const caller = by.split(':')[4] || accountId
  const roleName = by.split('/').at(-1)!
  const userIdentity =
    by === 'root'
      ? { type: 'Root', principalId: accountId, arn: `arn:aws:iam::${accountId}:root`, accountId }
      : {
          type: 'AssumedRole',
          principalId: 'AROAEXAMPLEEXAMPLE000:someone',
          accountId: caller,
          accessKeyId: 'ASIAEXAMPLE',
          arn: `arn:aws:sts::${caller}:assumed-role/${roleName}/someone`,
          sessionContext: {
            sessionIssuer: {
              type: 'Role',
              principalId: 'AROAEXAMPLEEXAMPLE000',
              arn: by,
              accountId: caller,
              userName: roleName,
            },
            attributes: { creationDate: '2026-04-24T10:00:00Z', mfaAuthenticated: 'false' },
            sourceIdentity: 'someone',
          },
        }
  return {
    version: '0',
    id: '11111111-2222-3333-4444-555555555555',
    'detail-type': 'AWS API Call via CloudTrail',
    source: `aws.${source.split('.')[0]!}`,
    account: accountId,
    time: '2026-04-24T10:15:00Z',
    region: 'eu-central-1',
    resources: [],
    detail: {
      eventVersion: '1.11',
      userIdentity,
      eventTime: '2026-04-24T10:15:00Z',
      eventSource: source,
      eventName: name,
      awsRegion: 'eu-central-1',
      sourceIPAddress: '192.0.2.1',
      userAgent: 'aws-sdk-js',
      requestParameters: parameters ?? null,
      responseElements: null,
      ...(errorCode === undefined
        ? {}
        : { errorCode, errorMessage: 'You are not authorized to perform this operation.' }),
      requestID: 'R',
      eventID: 'E',
      readOnly,
      eventType: 'AwsApiCall',
      managementEvent: true,
      recipientAccountId: accountId,
      eventCategory: 'Management',
    },
  }
}
