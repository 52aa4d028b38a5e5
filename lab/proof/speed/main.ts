// Measures the authorizer of the sandbox beside that of an earlier build, in alternating rounds: every question of the
// proof, or each Nth of them, once, in a new process.
//
//   node lab/proof/speed/main.ts --rounds 5 --every 10 --earlier ../holdfast-8c3d477
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { serialize } from 'node:v8'
import { listQuestions } from './questions.ts'
import type { Answers } from './questions.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    every: { type: 'string', default: '1' },
    earlier: { type: 'string' },
  },
})

function main(earlier: string, questions: Awaited<ReturnType<typeof listQuestions>>): void {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-evaluator-'))
  const file = join(work, 'questions')
  const builds = { today: resolve(import.meta.dirname, '../../..'), earlier: resolve(earlier) }
  const write = () => writeFileSync(file, serialize(questions))
  questions.requests = questions.requests.filter((_, index) => index % Number(flags.every) === 0)
  try {
    write()
    // Only questions that both builds can be asked.
    const refused = new Set(Object.values(builds).flatMap((checkout) => ask(checkout, file).refused))
    questions.requests = questions.requests.filter((_, index) => !refused.has(index))
    write()
    print(`${questions.requests.length} questions; ${refused.size} more can't be asked of both builds`)
    const rounds: Record<keyof typeof builds, Answers>[] = []
    for (let round = 1; round <= Number(flags.rounds); round++) {
      const [today, before] = [ask(builds.today, file), ask(builds.earlier, file)]
      if (today.allowed.join() !== before.allowed.join()) print('the builds answer differently')
      rounds.push({ today, earlier: before })
      print(`round ${round}: ${shown(today)}; earlier build ${shown(before)}`)
    }
    for (const unit of ['seconds', 'cpuSeconds'] as const) {
      const ratios = rounds.map((round) => round.earlier[unit] / round.today[unit]).sort((a, b) => a - b)
      const median = ratios[Math.floor(ratios.length / 2)]!
      print(
        `${unit === 'seconds' ? 'time' : 'processor time'}: ${median.toFixed(2)}x (${ratios[0]!.toFixed(2)}x to ${ratios.at(-1)!.toFixed(2)}x)`,
      )
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }

  function shown({ cpuSeconds }: Answers): string {
    return `${cpuSeconds.toFixed(2)} s of processor time, ${Math.round(questions.requests.length / cpuSeconds)} questions a second`
  }
}

function ask(checkout: string, file: string): Answers {
  const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'ask.ts'), checkout, file]
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }),
  ) as Answers
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

if (flags.earlier === undefined) throw new Error('no earlier build given: pass --earlier')
main(flags.earlier, await listQuestions())
