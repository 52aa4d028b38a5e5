// `holdfast check-examination`: what an examination answered, parsed as a stranger's bytes and made a record that can be counted.
import { HoldfastError } from '../../core/errors.ts'
import { readAnswer, unusable } from '../../checks/restore-test/answer.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { renderExamination } from '../render/examination-report.ts'

export interface CheckExaminationFlags {
  source: string
  kind?: 'volume' | 'postgres'
  run?: string
  json?: boolean
}

/** @throws `damaged` for an answer that is none, is one to another run, or (after its record) says that something is lost. */
export function runCheckExamination(
  file: string,
  flags: CheckExaminationFlags,
  invocation: Invocation,
): void {
  const output = makeOutput(invocation, flags.json ?? false)
  const answer = readAnswer(file)
  if (flags.run !== undefined && answer.run !== flags.run) throw unusable('it is of another run')
  if (flags.kind !== undefined && answer.kind !== flags.kind) throw unusable('it is of another kind')
  const { type: _, ...fields } = answer
  // A type of its own: what the examination prints by itself is never counted as a check that passed.
  output.record('checked-examination', { source: flags.source, ...fields })
  output.text(renderExamination(answer, flags.source))
  if (!answer.ok)
    throw new HoldfastError('damaged', 'not everything that was restored can be read', {
      hint: 'restore it again and look; an older snapshot may be whole',
    })
}
