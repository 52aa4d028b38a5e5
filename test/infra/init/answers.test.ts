import { describe, expect, it } from 'vitest'
import { readConfigFile } from '../../../infra/config-file.ts'
import { readConfig } from '../../../infra/config-reader.ts'
import {
  findProblems,
  parseAnswer,
  questions,
  renderConfig,
  renderNextSteps,
} from '../../../infra/init/answers.ts'
import type { Answers } from '../../../infra/init/answers.ts'
import { mergeFile } from '../../../infra/shared-file.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-init-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const platform: Answers = {
  vaultAccountId: '111111111111',
  productionAccountId: '',
  region: 'eu-central-1',
  organizationId: 'o-a1b2c3d4e5',
  managementAccountId: '333333333333',
  sources: [
    { name: 'db', trust: { oidc: { issuer: 'https://issuer.example', audience: 'a', subject: 's' } } },
  ],
  restorers: ['arn:aws:iam::111111111111:role/people/r'],
  deployers: ['arn:aws:iam::111111111111:role/people/d'],
  productionDomains: ['shop.example'],
  alarmEmails: ['on-call@pager.example'],
}
const inAws: Answers = {
  ...platform,
  productionAccountId: '222222222222',
  sources: [{ name: 'db', trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/db' } }],
  breakGlass: ['arn:aws:iam::222222222222:role/operator'],
}
const question = (key: string) => questions.find((candidate) => candidate.key === key)!

describe('each answer is checked at once', () => {
  it.each([
    ['vaultAccountId', {}, '11111111111', 'vaultAccountId: set it to the twelve digits'],
    [
      'productionAccountId',
      { vaultAccountId: '111111111111' },
      '111111111111',
      "is production's account too",
    ],
    ['region', {}, 'frankfurt', 'region: is not a region of AWS'],
    ['organizationId', {}, 'acme', 'organizationId: '],
    [
      'sources',
      { productionAccountId: '' },
      'db=arn:aws:iam::222222222222:role/db',
      'productionAccountId: set it',
    ],
    ['sources', {}, 'db=https://issuer.example a *', 'must name one subject'],
    [
      'restorers',
      { vaultAccountId: '111111111111' },
      'arn:aws:iam::222222222222:role/x',
      'is not in the vault account',
    ],
    [
      'restorers',
      {},
      'arn:aws:iam::111111111111:role/AWSReservedSSO_Admin_*',
      'matches no role of Identity Center',
    ],
    [
      'alarmEmails',
      { productionDomains: ['shop.example'] },
      'on-call@shop.example',
      'whose mail or DNS production runs',
    ],
  ])('%s', (key, before, text, problem) => {
    const answers = { ...before, [key]: parseAnswer(question(key), text) }
    expect(findProblems(answers, 0).join('\n')).toContain(problem)
  })

  it('and says nothing of questions that are still open', () => {
    const keys = Object.keys(inAws)
    for (const [index] of keys.entries())
      expect(findProblems(Object.fromEntries(Object.entries(inAws).slice(0, index)), 0)).toEqual([])
  })

  it('a whole one is refused with each question that has no answer', () => {
    const { restorers: _, alarmEmails: __, ...missing } = platform
    expect(findProblems(missing, 0, true).map((line) => line.split(':')[0])).toEqual([
      'alarmEmails',
      'restorers',
    ])
    expect([platform, inAws].map((answers) => findProblems(answers, 0, true))).toEqual([[], []])
  })
})

describe('the file', () => {
  it.each([
    ['production outside AWS', platform, ['vault', 'organization']],
    ['production in AWS', inAws, ['vault', 'production', 'organization']],
    [
      'a region without namespaces of accounts',
      { ...platform, region: 'me-south-1' },
      ['vault', 'organization'],
    ],
    ['no Organization', { ...platform, organizationId: '', managementAccountId: '' }, ['vault']],
  ])('is what every stack reads, and nothing else is typed: %s', (_, answers, layers) => {
    const file = join(folder, 'holdfast.json')
    writeFileSync(file, renderConfig(answers))
    for (const layer of layers) {
      // As Pulumi passes the stack's own configuration, with the defaults of Pulumi.yaml.
      const stack = { layer: '', file, region: '', vaultAccountId: '', promiseDays: 30, agents: [] }
      expect(readConfig(mergeFile(stack, layer), 0)).toMatchObject({ layer, vaultAccountId: '111111111111' })
    }
    const steps = renderNextSteps(answers, file)
    expect(steps.match(/pulumi stack init \w+/g)?.map((line) => line.split(' ').at(-1))).toEqual(layers)
    expect(steps.match(/config set \S+/g)?.every((line) => line === 'config set holdfast:file')).toBe(true)
    expect(readConfigFile(file)).not.toHaveProperty('formatVersion')
  })

  it('and a stack that contradict are refused; a default of Pulumi.yaml contradicts nothing', () => {
    const file = join(folder, 'contradicted.json')
    writeFileSync(file, JSON.stringify({ formatVersion: 1, promiseDays: 60 }))
    expect(mergeFile({ file, promiseDays: 30 }, 'vault')).toMatchObject({ promiseDays: 60, layer: 'vault' })
    expect(() => mergeFile({ file, promiseDays: 45 }, 'vault')).toThrow(
      `the stack and ${file} give different values: holdfast:promiseDays`,
    )
  })

  it('is optional: a stack with its own keys stays as it was', () => {
    expect(mergeFile({ layer: 'production', region: 'eu-west-1', file: '' }, 'other')).toEqual({
      layer: 'production',
      region: 'eu-west-1',
      file: '',
    })
  })
})
