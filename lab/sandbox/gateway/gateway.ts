// The gateway takes each HTTP request off the wire and sends the reply of a service. The way of one request:
//
//   headers, query = read the request                        wire-headers.ts, signature/query.ts
//   claim     = read the signature                           signature/claim.ts
//   service   = the service that the claim names             s3/, ec2/ or sts/
//   fault     = the fault that the seed draws, if any        faults.ts; some faults end the request here
//   principal = verify(claim, credentials, clock)            signature/verify.ts
//   reply     = service.handle({ principal, headers, body }) the body is verified while it is read: request-body.ts
//                 for each action: host.authorize(action)    condition-keys/, then authorization/
//                 read or write the store                    store/
//   if an AwsError was thrown: reply = service.renderError(error)
//   send the reply, corrupted if the fault demands it        reply.ts
//   onRequest(record)                                        one record per request, for reports and tests

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Exchange } from './exchange.ts'
import type { GatewayOptions } from './exchange.ts'

export class Gateway {
  private readonly options: GatewayOptions
  private readonly running = new Set<Promise<void>>()

  constructor(options: GatewayOptions) {
    this.options = options
  }

  /** Accepts one request; `settled` waits for it. */
  accept(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const running = this.handle(message, response, expectsContinue).finally(() =>
      this.running.delete(running),
    )
    this.running.add(running)
  }

  /** Resolves once no accepted request is running. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running)
  }

  /** Never rejects: a failure becomes a reply, a closed connection, or a reported defect. */
  private async handle(
    message: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): Promise<void> {
    const started = performance.now()
    const exchange = new Exchange({ message, response, expectsContinue }, this.options)
    message.on('error', () => undefined)
    response.on('error', () => undefined)
    try {
      await exchange.run()
    } catch (error) {
      this.options.onDefect(error)
      response.destroy()
    }
    this.options.onRequest({ ...exchange.record, durationMs: performance.now() - started })
  }
}
