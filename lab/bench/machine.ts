// Describes the machine of a measurement.
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import type { Provenance } from './results.ts'

export function describeMachine(work: string): Provenance['machine'] {
  const fileSystem = execFileSync('df', ['--output=fstype', work], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .at(-1)!
  return {
    processor: (cpus()[0]?.model ?? 'unknown').trim(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}, ${fileSystem}`,
  }
}
