// The answers of `npm run init`: which questions there are, how each answer is checked at once, and the configuration
// that they make.
import { isHoldfastError } from '../../core/errors.ts'
import { regionsWithoutNamespace } from '../config-conflicts.ts'
import { configFileVersion } from '../config-file.ts'
import { readConfig } from '../config-reader.ts'

export type Answers = Readonly<Record<string, unknown>>

export interface Question {
  key: string
  text: string
  /** Shown below the question. */
  example: string
  isList?: boolean
  /** Whether an empty answer is one. */
  isOptional?: boolean
  isAsked?: (answers: Answers) => boolean
}

const hasOrganization = (answers: Answers) => answers['detached'] !== true
const hasProduction = (answers: Answers) => (answers['productionAccountId'] ?? '') !== ''

const roleExample =
  'arn:aws:iam::ACCOUNT:role/people/NAME; of Identity Center: arn:aws:iam::ACCOUNT:role/aws-reserved/sso.amazonaws.com/REGION/AWSReservedSSO_NAME_* (without REGION/ if Identity Center is in us-east-1)'

export const questions: readonly Question[] = [
  {
    key: 'vaultAccountId',
    text: 'Which account holds the vault, and nothing else?',
    example: 'twelve digits',
  },
  {
    key: 'productionAccountId',
    text: 'Which account of AWS is production in?',
    example: 'twelve digits; empty if production is on Railway, Render, Fly, Supabase or your own servers',
    isOptional: true,
  },
  {
    key: 'region',
    text: 'In which region should the vault be?',
    example: 'eu-central-1; best another than production',
  },
  {
    key: 'organizationId',
    text: 'What is the id of your Organization?',
    example: 'o-a1b2c3d4e5; empty without one: then the root user of the vault can lift its freeze',
    isOptional: true,
  },
  {
    key: 'managementAccountId',
    text: 'Which account manages the Organization?',
    example: 'twelve digits',
    isAsked: hasOrganization,
  },
  {
    key: 'sources',
    text: 'What is backed up, and by which workload?',
    example:
      'NAME=ROLE-ARN, or NAME=ISSUER AUDIENCE SUBJECT, e.g. shop-db=https://token.actions.githubusercontent.com holdfast repo:shop/backups:environment:backup',
    isList: true,
  },
  {
    key: 'restorers',
    text: "Who may restore? Roles of the vault's account",
    example: roleExample,
    isList: true,
  },
  {
    key: 'deployers',
    text: "Who deploys the vault? Roles of the vault's account",
    example: roleExample,
    isList: true,
  },
  {
    key: 'breakGlass',
    text: 'Who may destroy in production, with a second factor and a reason? Roles of its account',
    example: roleExample,
    isList: true,
    isAsked: hasProduction,
  },
  {
    key: 'productionDomains',
    text: 'For which domains does production run mail or DNS?',
    example: 'shop.example; none, if it runs none',
    isList: true,
  },
  {
    key: 'alarmEmails',
    text: 'Which addresses hear the alarms?',
    example: "on-call@pager.example; no address below production's domains",
    isList: true,
  },
]

/** An answer as the configuration has it: a list is separated by commas. */
export function parseAnswer({ key, isList }: Question, text: string): unknown {
  if (isList !== true) return text.trim()
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  return key === 'sources' ? entries.map(parseSource) : entries
}

function parseSource(text: string): unknown {
  const split = text.indexOf('=')
  const [name, trust] = [text.slice(0, Math.max(split, 0)).trim(), text.slice(split + 1).trim()]
  if (trust.startsWith('arn:')) return { name, trust: { awsRoleArn: trust } }
  const [issuer, audience, subject] = trust.split(/\s+/)
  return { name, trust: { oidc: { issuer, audience, subject } } }
}

/** The answers with what follows from them. */
export function withConsequences(answers: Answers): Answers {
  // Names that no other account can take. A new vault has no reason for others.
  const bucketNamespace = regionsWithoutNamespace.includes(String(answers['region']))
    ? 'global'
    : 'account-regional'
  const detached = answers['organizationId'] === ''
  return { bucketNamespace, ...answers, ...('organizationId' in answers ? { detached } : {}) }
}

/** Valid values for the questions that are still open, so that the answers so far can be checked alone. */
function completed(answers: Answers): Record<string, unknown> {
  const textOf = (key: string) => (typeof answers[key] === 'string' ? answers[key] : undefined)
  const vaultAccountId = textOf('vaultAccountId') ?? '000000000001'
  const productionAccountId = textOf('productionAccountId') ?? ''
  return {
    layer: 'vault',
    region: 'eu-central-1',
    vaultAccountId,
    sources: [
      { name: 'open', trust: { oidc: { issuer: 'https://open.example', audience: 'a', subject: 's' } } },
    ],
    restorers: [`arn:aws:iam::${vaultAccountId}:role/open`],
    deployers: [`arn:aws:iam::${vaultAccountId}:role/open`],
    alarmEmails: ['open@open.example'],
    productionDomains: ['none'],
    ...(productionAccountId === '' ? {} : { breakGlass: [`arn:aws:iam::${productionAccountId}:role/open`] }),
    ...(answers['detached'] === false
      ? { managementAccountId: '000000000002' }
      : { detached: true, organizationId: '', managementAccountId: '' }),
    ...answers,
  }
}

/**
 * The problems of the answers so far: one line each, which begins with the key.
 * @param isWhole whether a missing answer is wrong too
 */
export function findProblems(answers: Answers, nowMs: number, isWhole = false): string[] {
  const all = withConsequences(answers)
  const layers = [
    'vault',
    ...(isWhole && hasOrganization(all) ? ['organization'] : []),
    ...(isWhole && hasProduction(all) ? ['production'] : []),
  ]
  const problems = layers.flatMap((layer) =>
    problemsOf({ ...(isWhole ? all : completed(all)), layer }, nowMs),
  )
  const unique = [...new Set(problems)].map((line) => line.replace(/^holdfast:/, ''))
  return isWhole ? unique : unique.filter((line) => /^\w+/.exec(line)![0] in answers)
}

function problemsOf(config: Record<string, unknown>, nowMs: number): string[] {
  try {
    readConfig(config, nowMs)
    return []
  } catch (error) {
    if (!isHoldfastError(error, 'invalid-input')) throw error
    return error.context['problems'] as string[]
  }
}

/** The content of the file that all stacks read. */
export function renderConfig(answers: Answers): string {
  const { detached, ...keys } = withConsequences(answers)
  const kept = Object.entries(keys).filter(([, value]) => value !== '')
  const config = {
    formatVersion: configFileVersion,
    ...Object.fromEntries(kept),
    ...(detached === true ? { detached } : {}),
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** The next commands: lines of a shell, with comments. Each stack names the file, and nothing else. */
export function renderNextSteps(answers: Answers, file: string): string {
  const all = withConsequences(answers)
  const region = String(all['region'])
  const stack = (layer: string, key: string, owner: string) => {
    const bucket = `holdfast-state-${String(all[key])}`
    const location =
      region === 'us-east-1' ? '' : ` --create-bucket-configuration LocationConstraint=${region}`
    return `
# ${layer}: with credentials of ${owner} ${String(all[key])}
aws s3api create-bucket --bucket ${bucket} --region ${region}${location}
aws s3api put-bucket-versioning --bucket ${bucket} --versioning-configuration Status=Enabled
pulumi login s3://${bucket}
pulumi stack init ${layer} && pulumi config set holdfast:file ${file}
pulumi preview && pulumi up
`
  }
  return [
    `# in this shell, for all of docs/aws.md
export VAULT=${String(all['vaultAccountId'])}${hasProduction(all) ? ` PRODUCTION=${String(all['productionAccountId'])}` : ''}${hasOrganization(all) ? ` MANAGEMENT=${String(all['managementAccountId'])}` : ''}
read -rsp 'Passphrase of the state: ' PULUMI_CONFIG_PASSPHRASE && export PULUMI_CONFIG_PASSPHRASE
npm run prove -- --config ${file}
`,
    stack('vault', 'vaultAccountId', "the vault's account"),
    ...(hasProduction(all) ? [stack('production', 'productionAccountId', "production's account")] : []),
    ...(hasOrganization(all) ? [stack('organization', 'managementAccountId', 'the management account')] : []),
  ].join('')
}
