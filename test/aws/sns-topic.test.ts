import { afterAll, beforeAll, expect, test } from 'vitest'
import { SnsTopic } from '../../aws/sns-topic.ts'
import { startScriptedServer } from './scripted-server.ts'
import type { ScriptedServer } from './scripted-server.ts'

const arn = 'arn:aws:sns:eu-central-1:444455556666:backups'
let server: ScriptedServer
let topic: SnsTopic
let nextResponse = { status: 200, body: '' }

const published =
  '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>'
const refusal = (code: string): string =>
  `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`

beforeAll(async () => {
  server = await startScriptedServer((_, response) =>
    response.writeHead(nextResponse.status, { 'content-type': 'text/xml' }).end(nextResponse.body),
  )
  topic = new SnsTopic(arn, {
    endpoint: server.endpoint,
    credentials: () => Promise.resolve({ accessKeyId: 'AKID', secretAccessKey: 'a-secret-of-this-test' }),
  })
})
afterAll(() => {
  topic.close()
  return server.stop()
})

test("a message is published to the topic, signed for the topic's region", async () => {
  nextResponse = { status: 200, body: published }
  await topic.publish('Holdfast: 1 new finding', 'a & b <c>')
  const { headers, body } = server.requests.at(-1)!
  expect(headers['authorization']).toMatch(/Credential=AKID\/\d{8}\/eu-central-1\/sns\/aws4_request/)
  expect(Object.fromEntries(new URLSearchParams(body.toString()))).toMatchObject({
    Action: 'Publish',
    TopicArn: arn,
    Subject: 'Holdfast: 1 new finding',
    Message: 'a & b <c>',
  })
})

test.each([
  [403, 'AuthorizationError', 'denied'],
  [404, 'NotFound', 'not-found'],
  [403, 'InvalidClientTokenId', 'credentials'],
  [400, 'InvalidParameter', 'invalid-input'],
])('status %i with %s is %s', async (status, code, expected) => {
  nextResponse = { status, body: refusal(code) }
  await expect(topic.publish('s', 't')).rejects.toMatchObject({ code: expected })
})
