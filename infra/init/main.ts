// `npm run init`: asks what the deployment has to know, checks each answer at once, and writes one file that all stacks
// read. Nothing is written before the last answer.
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { HoldfastError, isHoldfastError } from '../../core/errors.ts'
import {
  findProblems,
  parseAnswer,
  questions,
  renderConfig,
  renderNextSteps,
  withConsequences,
} from './answers.ts'
import type { Answers, Question } from './answers.ts'
import { readConfigFile } from '../config-file.ts'

const usage = `Usage: npm run init -- [--file FILE] [--json] [--KEY ANSWER …] [--answers FILE]

Asks each question that no option answers, and writes FILE (default: holdfast.json). Without a terminal, every answer has
to be an option, or in the file of --answers (JSON with the same keys). --json prints one record.

${questions.map(({ key, text, example }) => `  --${key}  ${text}\n      ${example}\n`).join('')}`

const { values } = parseArgs({
  options: {
    file: { type: 'string', default: 'holdfast.json' },
    answers: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    ...Object.fromEntries(questions.map(({ key }) => [key, { type: 'string' as const }])),
  },
})

async function main(): Promise<void> {
  if (values.help === true) return void process.stdout.write(usage)
  const file = String(values.file)
  assertAbsent(file)
  const answers = await complete(givenAnswers())
  const problems = findProblems(answers, Date.now(), true)
  if (problems.length > 0) throw refusal(problems)
  create(file, renderConfig(answers))
  const steps = renderNextSteps(answers, file)
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify({ file, nextSteps: steps.split('\n').filter((line) => line !== '') })}\n`
      : `\n${file} is written. Next:\n\n${steps}`,
  )
}

/** A file of another version gets a sentence of its own. */
function assertAbsent(file: string): void {
  try {
    readFileSync(file)
  } catch {
    return
  }
  readConfigFile(file)
  throw new HoldfastError('invalid-input', `${file} exists`, {
    hint: `edit it, or name another with --file; \`npm run prove -- --config ${file}\` examines it`,
  })
}

function givenAnswers(): Answers {
  const fromFile = typeof values.answers === 'string' ? readConfigFile(values.answers) : {}
  const options = values as Record<string, unknown>
  const fromOptions = questions.flatMap((question) => {
    const text = options[question.key]
    return typeof text === 'string' ? [[question.key, parseAnswer(question, text)] as const] : []
  })
  return { ...fromFile, ...Object.fromEntries(fromOptions) }
}

async function complete(preset: Answers): Promise<Answers> {
  if (!process.stdin.isTTY) return { ...optionalAnswers(preset), ...preset }
  const wrong = findProblems(preset, Date.now())
  if (wrong.length > 0) throw refusal(wrong)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const interruption = new AbortController()
  terminal.once('SIGINT', () => interruption.abort())
  terminal.once('close', () => interruption.abort())
  try {
    let answers = preset
    for (const question of questions) {
      if (question.key in answers || question.isAsked?.(withConsequences(answers)) === false) continue
      const ask = (text: string) => terminal.question(text, { signal: interruption.signal })
      answers = { ...answers, [question.key]: await askUntilValid(question, answers, ask) }
    }
    return answers
  } catch (error) {
    if (!interruption.signal.aborted) throw error
    throw new HoldfastError('interrupted', 'interrupted: nothing was written', { cause: error })
  } finally {
    terminal.close()
  }
}

/** Questions that may stay open have an empty answer. */
function optionalAnswers(preset: Answers): Answers {
  return Object.fromEntries(
    questions
      .filter(({ key, isOptional }) => isOptional === true && !(key in preset))
      .map(({ key }) => [key, '']),
  )
}

async function askUntilValid(
  question: Question,
  answers: Answers,
  ask: (text: string) => Promise<string>,
): Promise<unknown> {
  const { text, example, isList, isOptional } = question
  process.stderr.write(`\n${text}${isList === true ? ' (several: separated by commas)' : ''}\n  ${example}\n`)
  for (;;) {
    const line = await ask('> ')
    if (line.trim() === '' && isOptional !== true) continue
    const value = parseAnswer(question, line)
    const problems = findProblems({ ...answers, [question.key]: value }, Date.now())
    if (problems.length === 0) return value
    process.stderr.write(problems.map((problem) => `  ${problem}\n`).join(''))
  }
}

function refusal(problems: readonly string[]): HoldfastError {
  return new HoldfastError('invalid-input', `the answers are invalid:\n  ${problems.join('\n  ')}`, {
    hint: 'correct them; nothing was written',
  })
}

/** The whole file or none, and never over another. */
function create(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  writeFileSync(temporary, content, { flag: 'wx' })
  try {
    linkSync(temporary, file)
  } finally {
    unlinkSync(temporary)
  }
}

try {
  await main()
} catch (error) {
  if (!isHoldfastError(error)) throw error
  process.stderr.write(`init: ${error.message}\n${error.hint === undefined ? '' : `hint: ${error.hint}\n`}`)
  process.exitCode = error.exitStatus
}
