// A report of the drill in which every text is hostile, as names from files, servers and vaults can be.
import { reportSchemaName } from '../../../../lab/incident/report/schema.ts'
import type { DrillReport } from '../../../../lab/incident/report/schema.ts'

const hostile = `<script src="https://evil.example/x.js"></script><img onerror='x'>&amp;\u202e\u001b[31m`
const at = '2026-04-24T10:15:00.000Z'
const traffic = { requests: { GetObject: 1_234 }, receivedBytes: 1, sentBytes: 2 }
const attempt = (principal: string, outcome: 'refused' | 'allowed'): DrillReport['attacks'][number] => ({
  who: principal,
  path: [hostile],
  attack: 'delete-version',
  wall: 'deletions',
  what: hostile,
  target: hostile,
  method: 'request',
  duty: null,
  outcome,
  status: 403,
  code: hostile,
  decidedBy: hostile,
})

export const sampleDrill: DrillReport = {
  schema: reportSchemaName,
  outcome: 'claims-fell',
  startedAt: at,
  durationMs: 61_000,
  seed: 7,
  tool: { version: hostile, node: hostile, platform: hostile, postgres: hostile },
  examined: {
    commit: { id: hostile, hasChanges: true },
    configuration: hostile,
    replaced: [hostile],
    policiesSha256: hostile,
  },
  totals: { identities: 1, attempts: 1, sent: 1, evaluated: 0, refused: 0, allowed: 1, duties: 0 },
  claims: [
    {
      name: 'versions-survive',
      sentence: 'All is there.',
      status: 'fell',
      evidence: hostile,
      findings: [hostile],
      findingCount: 31,
    },
    {
      name: 'locks-unchanged',
      sentence: 'All is locked.',
      status: 'not-examined',
      evidence: '',
      findings: ['the disk went away'],
      findingCount: 1,
    },
  ],
  timeline: [{ step: 'wipe', at, elapsedMs: 5, text: hostile }],
  accounts: [{ id: '1', name: hostile }],
  vault: { bucket: hostile, accountId: '1', mode: 'COMPLIANCE', days: 40 },
  notEmulated: [{ type: hostile, name: hostile, account: hostile }],
  world: { rows: 1, uploads: 1 },
  backups: [
    {
      label: hostile,
      source: hostile,
      snapshotId: hostile,
      at,
      files: 1,
      bytes: 1,
      bytesUploaded: 1,
      durationMs: 1,
      traffic,
    },
  ],
  wipe: {
    at,
    searchedFiles: 1,
    keysTried: 1,
    foundIn: hostile,
    durationMs: 1,
    destroyed: [{ what: hostile, resource: hostile, answer: hostile, atMs: 1 }],
  },
  attacks: [attempt(hostile, 'allowed')],
  controls: [attempt('owner', 'allowed')],
  inventory: { versions: 1, bytes: 1 },
  restores: [
    {
      label: hostile,
      pointInTime: at,
      source: hostile,
      snapshotId: hostile,
      files: 1,
      bytes: 1,
      bytesFetched: 1,
      rows: 3,
      restoreMs: 1,
      databaseReadyMs: 1,
      traffic,
    },
  ],
  objectives: {
    rpo: { objectiveMs: 1, measuredMs: null },
    lastCommit: { objectiveMs: 1, measuredMs: null },
    rto: { objectiveMs: 1, measuredMs: 2 },
  },
  leftovers: [hostile],
}
