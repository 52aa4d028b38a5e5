// The port on a topic of SNS: it publishes, with the caller's credentials, and has no other call.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns'
import { askUntil, clientSettings } from './service-settings.ts'
import type { ServiceSettings } from './service-settings.ts'

export class SnsTopic {
  private readonly client: SNSClient
  private readonly arn: string
  private readonly signal: AbortSignal | undefined

  /** @param arn names the region too. */
  constructor(arn: string, settings: ServiceSettings = {}) {
    this.arn = arn
    this.signal = settings.signal
    this.client = new SNSClient(clientSettings({ ...settings, region: arn.split(':')[3] }))
  }

  /**
   * @param subject fewer than 100 characters of printable ASCII.
   * @throws `denied`, `not-found`, `credentials`, `throttled`, `unreachable`.
   */
  async publish(subject: string, text: string): Promise<void> {
    await askUntil(this.signal)(`publishing to ${this.arn}`, (abort) =>
      this.client.send(new PublishCommand({ TopicArn: this.arn, Subject: subject, Message: text }), abort),
    )
  }

  close(): void {
    this.client.destroy()
  }
}
