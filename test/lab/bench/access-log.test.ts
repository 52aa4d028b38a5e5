import { expect, test } from 'vitest'
import { countRequests, totalOf } from '../../../lab/bench/access-log.ts'

const line = (operation: string, key: string): string =>
  `bench locked [21/November/2026:03:57:45 +0000] 127.0.0.1 bench HSLNAP77JV0B6HS3 ${operation} ${key} /locked/a 200 - 0 1 3 3 - agent - id= SigV4 - AuthHeader s3.us-east-1.amazonaws.com - arn Yes`

test('requests are counted by kind, even if a key looks like a log line', () => {
  const log = [
    'log starts 2026-11-21 03:57:42 +0000 UTC',
    line('s3_PutObject', 'a/b c'),
    line('s3_PutObject', '[x] y s3_GetObject z'),
    line('s3_GetObject', '-'),
    '',
  ].join('\n')
  expect(countRequests(log)).toEqual({ GetObject: 1, PutObject: 2 })
  expect(totalOf(countRequests(log))).toBe(3)
})

test('an empty, truncated or foreign log counts as no request', () => {
  for (const log of ['', 'no log at all\n', line('s3_PutObject', 'a').slice(0, 60)])
    expect(countRequests(log)).toEqual({})
})
