// Findings in SARIF 2.1.0, as services that show results of code scanning read it. No value and no hash of
// one is in it.
import { createHash } from 'node:crypto'
import { isAbsolute, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Finding } from '../../blast-radius/search/finding.ts'
import { credentialKinds } from '../../blast-radius/search/kinds.ts'
import type { KindName } from '../../blast-radius/search/kinds.ts'
import { toolVersion } from '../tool-version.ts'
import { isSpent } from './credential-report.ts'

interface SarifContext {
  nowMs: number
  /** The root of the checkout: locations below it are relative. */
  directory: string
}

export function sarifLog(
  findings: readonly Finding[],
  isNew: (finding: Finding) => boolean,
  context: SarifContext,
): Record<string, unknown> {
  const kinds = [...new Set(findings.map(({ kind }) => kind))].sort()
  const ordinals = new Map<string, number>()
  const results = findings.map((finding) => {
    const identity = JSON.stringify([
      locationOf(finding, context.directory).uri,
      finding.kind,
      finding.setting,
    ])
    const ordinal = (ordinals.get(identity) ?? 0) + 1
    ordinals.set(identity, ordinal)
    return {
      ...resultOf(finding, kinds.indexOf(finding.kind), context),
      partialFingerprints: { 'holdfastLocation/v1': sha256(`${identity} ${ordinal}`) },
      baselineState: isNew(finding) ? 'new' : 'unchanged',
    }
  })
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Holdfast', version: toolVersion(), rules: kinds.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  }
}

function ruleOf(kindName: KindName): Record<string, unknown> {
  const { title, couldDestroy, remedy } = credentialKinds[kindName]
  return {
    id: kindName,
    shortDescription: { text: title },
    fullDescription: { text: `Its holder could destroy: ${couldDestroy}.` },
    help: { text: `${remedy}.` },
    defaultConfiguration: { level: 'error' },
    // Above 7.0, code scanning shows a finding as of high severity.
    properties: { tags: ['security'], 'security-severity': '8.0' },
  }
}

function resultOf(
  finding: Finding,
  ruleIndex: number,
  { nowMs, directory }: SarifContext,
): Record<string, unknown> {
  const { title, couldDestroy, remedy } = credentialKinds[finding.kind]
  const whose = finding.owner === null ? '' : ` of ${finding.owner}`
  const setting = finding.setting === null ? '' : `, in the setting ${finding.setting}`
  const { uri, line, isBelow } = locationOf(finding, directory)
  return {
    ruleId: finding.kind,
    ruleIndex,
    level: isSpent(finding, nowMs) ? 'note' : 'error',
    message: {
      text: `${title}${whose}${setting}. Its holder could destroy: ${couldDestroy}. To do: ${remedy}.`,
    },
    locations: [
      line === null
        ? { logicalLocations: [{ name: uri, kind: 'variable' }] }
        : {
            physicalLocation: {
              artifactLocation: { uri, ...(isBelow ? { uriBaseId: '%SRCROOT%' } : {}) },
              region: { startLine: line },
            },
          },
    ],
  }
}

function locationOf(
  { location }: Finding,
  directory: string,
): { uri: string; line: number | null; isBelow: boolean } {
  if (location.type === 'variable') return { uri: location.name, line: null, isBelow: false }
  const path = relative(directory, location.path)
  const isBelow = !path.startsWith('..') && !isAbsolute(path)
  const uri = isBelow ? path.split('/').map(encodeURIComponent).join('/') : pathToFileURL(location.path).href
  return { uri, line: location.line, isBelow }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
