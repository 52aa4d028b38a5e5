// The recorded inputs against two published schemas: names and required ones by the provider's types, and enumerations,
// lengths, bounds and patterns by AWS's own models. layers.test.ts shows that the real engine gets the same inputs.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../../../infra/recording.ts'
import { findBrokenRequests } from '../../../../lab/deployment/aws-limits.ts'
import { repository } from '../../../../lab/deployment/engine-world.ts'
import { findWrongInputs } from '../../../../lab/deployment/input-types.ts'
import type { RecordedInputs } from '../../../../lab/deployment/recorded-inputs.ts'
import { examinedConfigs } from '../../../../lab/proof/examined-config.ts'
import { layersOf } from '../../../../lab/sandbox/loader/loader.ts'

type Properties = Record<string, unknown>

const folder = mkdtempSync(join(tmpdir(), 'holdfast-inputs-'))
let recorded: RecordedInputs[]

/** A package as `npm pack` makes it. */
function packToolkit(): string {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'holdfast', version: '0.1.0' }))
  const file = join(folder, 'holdfast-0.1.0.tgz')
  create({ file, cwd: folder, gzip: true, sync: true, prefix: 'package' }, ['package.json'])
  return file
}

beforeAll(async () => {
  const { organization, detached, platform } = examinedConfigs
  const configs = [
    { ...organization, toolkit: packToolkit() },
    { ...detached, deployers: [`arn:aws:iam::${detached.vaultAccountId}:user/people/deployer`] },
    platform,
  ]
  recorded = []
  for (const config of configs)
    for (const layer of layersOf(config))
      recorded.push(...(await recordProgram({ ...config, layer })).resources)
  recorded = recorded.filter(({ type }) => type.startsWith('aws:'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Change {
  subject: string
  typeName: string
  /** Where in the inputs: names and indices with dots. */
  path: string
  /** Undefined takes the input away. */
  value: unknown
  message: RegExp
}

/** The first resource of the type, with one input changed. */
function changed({ typeName, path, value }: Change, index: number): RecordedInputs {
  const original = recorded.find(({ type }) => type.endsWith(`:${typeName}`))
  if (original === undefined) throw new Error(`no ${typeName} is recorded`)
  const resource = { ...structuredClone(original), urn: `urn:pulumi:stack::project::${index}` }
  const names = path.split('.')
  const last = names.pop()!
  const around = names.reduce((part, name) => part[name] as Properties, resource.inputs as Properties)
  if (value === undefined) delete around[last]
  else around[last] = value
  return resource
}

const unknownType = {
  urn: 'urn:pulumi:stack::project::nothing',
  type: 'aws:s3/nothing:Nothing',
  inputs: {},
}

describe('the recording', () => {
  it('has every type that the program can declare', () => {
    const declared = execFileSync(
      'git',
      ['grep', '-ohE', 'new aws\\.[a-z0-9]+\\.[A-Za-z0-9]+', '--', 'infra'],
      {
        cwd: repository,
        encoding: 'utf8',
      },
    )
    const classes = new Set(
      declared
        .trim()
        .split('\n')
        .map((text) => text.split('.').at(-1)!),
    )
    const kinds = new Set(recorded.map(({ type }) => type.split(':').at(-1)!))
    expect(classes.size).toBeGreaterThan(50)
    expect([...classes].filter((name) => !kinds.has(name))).toEqual([])
  })
})

const typeChanges: readonly Change[] = [
  {
    subject: 'an unknown name',
    typeName: 'MetricAlarm',
    path: 'alarmName',
    value: 'x',
    message: /"alarmName"' does not exist/,
  },
  {
    subject: 'an unknown name inside',
    typeName: 'Plan',
    path: 'rules.0.vault',
    value: 'x',
    message: /"vault"' does not exist/,
  },
  {
    subject: 'a missing input',
    typeName: 'BucketPolicy',
    path: 'policy',
    value: undefined,
    message: /'policy' is missing/,
  },
  {
    subject: 'a missing input inside',
    typeName: 'Plan',
    path: 'rules.0.ruleName',
    value: undefined,
    message: /'ruleName' is missing/,
  },
  {
    subject: 'a wrong type',
    typeName: 'Role',
    path: 'maxSessionDuration',
    value: 'an hour',
    message: /not assignable to type/,
  },
]

describe("the provider's types", () => {
  it('take every input: no unknown name, no missing one, no wrong type', () => {
    expect(findWrongInputs(recorded)).toEqual([])
  })

  it('refuse each change, and a type that the provider lacks', () => {
    const problems = findWrongInputs([...typeChanges.map(changed), unknownType])
    const expected = typeChanges.map(({ message }, index) => new RegExp(`^${index}: .*${message.source}`))
    expect(problems).toHaveLength(expected.length + 1)
    for (const [index, pattern] of [...expected, /^nothing: Cannot find module/].entries())
      expect(problems[index]).toMatch(pattern)
  })
})

const containers = (definition: object) => ({
  typeName: 'TaskDefinition',
  path: 'containerDefinitions',
  value: JSON.stringify([definition]),
})
const limitChanges: readonly Change[] = [
  {
    subject: 'a value of no enumeration',
    typeName: 'MetricAlarm',
    path: 'statistic',
    value: 'Median',
    message: /"Median" is none of/,
  },
  {
    subject: 'one inside',
    typeName: 'BucketObjectLockConfiguration',
    path: 'rule.defaultRetention.mode',
    value: 'STRICT',
    message: /rule\.defaultRetention\.mode: "STRICT" is none of GOVERNANCE, COMPLIANCE/,
  },
  {
    subject: "a role's name that is too long",
    typeName: 'Role',
    path: 'name',
    value: 'x'.repeat(65),
    message: /name: a text of 65 characters is above 64/,
  },
  {
    subject: "a rule's name that is too long",
    typeName: 'EventRule',
    path: 'name',
    value: 'x'.repeat(65),
    message: /name: a text of 65 characters is above 64/,
  },
  {
    subject: 'an empty name',
    typeName: 'MetricAlarm',
    path: 'name',
    value: '',
    message: /name: a text of 0 characters is below 1/,
  },
  {
    subject: 'a number that is too high',
    typeName: 'Role',
    path: 'maxSessionDuration',
    value: 43_201,
    message: /43201 is above 43200/,
  },
  {
    subject: 'a character that AWS refuses',
    typeName: 'Role',
    path: 'description',
    value: 'a – b',
    message: /"a – b" doesn't match/,
  },
  {
    subject: "a tag's key that is too long",
    typeName: 'Role',
    path: 'tags',
    value: { ['k'.repeat(129)]: 'v' },
    message: /a text of 129 characters is above 128/,
  },
  {
    subject: 'too many entries',
    typeName: 'MetricAlarm',
    path: 'alarmActions',
    value: ['a', 'b', 'c', 'd', 'e', 'f'],
    message: /a list of 6 is above 5/,
  },
  {
    subject: 'an input without a member',
    typeName: 'Role',
    path: 'shoeSize',
    value: 1,
    message: /shoeSize is no member of iam\.CreateRole/,
  },
  {
    subject: "an unknown name of a container's",
    ...containers({ comand: ['b'] }),
    message: /containerDefinitions\[0\]\.comand: AWS knows no such name/,
  },
  {
    subject: "a container's value of no enumeration",
    ...containers({ logConfiguration: { logDriver: 'paper' } }),
    message: /logDriver: "paper" is none of/,
  },
  {
    subject: "a container's missing name",
    ...containers({ logConfiguration: {} }),
    message: /logConfiguration: lacks logDriver/,
  },
]

describe("AWS's models of the requests", () => {
  it('take every input: each has a member, and keeps its limits', () => {
    expect(findBrokenRequests(recorded)).toEqual([])
  })

  it.each(limitChanges)('refuse $subject', (change) => {
    expect(findBrokenRequests([changed(change, 0)])).toEqual([expect.stringMatching(change.message)])
  })

  it('refuse a type without a row', () => {
    expect(findBrokenRequests([unknownType])).toEqual([expect.stringContaining('has no row')])
  })
})
