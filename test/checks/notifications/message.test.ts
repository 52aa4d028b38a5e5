import { expect, test } from 'vitest'
import {
  messageRecord,
  messageSubject,
  messageText,
  slackRecord,
} from '../../../checks/notifications/message.ts'
import type { Message } from '../../../checks/notifications/message.ts'
import type { Notice } from '../../../checks/notifications/notice.ts'

const hostile = '<!channel> <https://evil.example|click> *bold* @here &amp; :tada:'
const notice = (subject: string): Notice => ({
  id: '0'.repeat(32),
  ...{ source: 'rental-db', check: 'tamper', severity: 'warning', status: 'failed' },
  subject,
  detail: hostile,
  remedy: 'Find the session.',
})
const message: Message = {
  origin: 's3://vault',
  opened: [notice(hostile)],
  reminded: [],
  recovered: [notice('old')],
}

test('a text names each finding with its next step', () => {
  expect(messageText(message).split('\n')).toEqual([
    'Holdfast: 1 new finding, 1 over (rental-db), s3://vault',
    `NEW: rental-db: tamper (warning): ${hostile}: ${hostile}`,
    '  next: Find the session.',
    'OVER: rental-db: tamper: old',
  ])
})

test("Slack shows an attacker's text as it is: in a block of plain text, and never in the text that it parses", () => {
  const record = slackRecord(message) as { text: string; blocks: { text: { type: string; text: string } }[] }
  expect(record.text).toBe('Holdfast: 1 new finding, 1 over (rental-db)')
  expect(record.blocks).toEqual([
    { type: 'section', text: { type: 'plain_text', text: messageText(message), emoji: false } },
  ])
})

test('a flood of findings stays within the limits of the receivers', () => {
  const flood: Message = {
    ...message,
    opened: Array.from({ length: 500 }, (_, index) => ({
      ...notice(`${'x'.repeat(240)}${index}`),
      source: `source-${index}`,
    })),
  }
  expect(
    messageText({
      ...flood,
      opened: flood.opened.map((entry) => ({ ...entry, detail: 'd', remedy: null, subject: 's' })),
    }),
  ).toContain('NEW: and 490 more')
  expect(messageText(flood).length).toBeLessThanOrEqual(3000)
  expect(messageSubject(flood)).toMatch(/^[\x20-\x7e]{1,99}$/)
})

test('a webhook gets the findings as fields, under a version', () => {
  expect(messageRecord(message)).toEqual({
    kind: 'holdfast-notification',
    formatVersion: 1,
    headline: 'Holdfast: 1 new finding, 1 over (rental-db)',
    ...message,
  })
})
