// The same suite on a third-party store, part of `npm test` where HOLDFAST_TEST_ENDPOINT is its URL: see
// vitest.config.ts. HOLDFAST_TEST_BUCKET is a bucket with versions (and Object Lock, if it has any) that may be
// filled; the keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. HOLDFAST_TEST_DEVIATIONS lists what the store is
// known to do otherwise than AWS (see object-store.ts), by commas. VersityGW with its POSIX backend passes with
// `marker-conflict,unlocked-by-default,time-moves`.
import { describeObjectStore } from './object-store.ts'
import type { Deviation } from './object-store.ts'
import { openS3Target } from './s3-target.ts'

const {
  HOLDFAST_TEST_ENDPOINT: endpoint,
  HOLDFAST_TEST_BUCKET: bucket,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_SESSION_TOKEN: sessionToken,
} = process.env

if (
  endpoint === undefined ||
  bucket === undefined ||
  accessKeyId === undefined ||
  secretAccessKey === undefined
) {
  throw new Error('no store is given: set HOLDFAST_TEST_ENDPOINT, HOLDFAST_TEST_BUCKET and credentials')
}

describeObjectStore(`the bucket ${bucket} at ${endpoint}`, () =>
  openS3Target({
    endpoint,
    bucket,
    region: process.env['AWS_REGION'] ?? 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    deviations: (process.env['HOLDFAST_TEST_DEVIATIONS'] ?? '')
      .split(',')
      .filter((name) => name !== '') as Deviation[],
    versionsOfOneKey: Number(process.env['HOLDFAST_TEST_VERSIONS'] ?? 1_100),
  }),
)
