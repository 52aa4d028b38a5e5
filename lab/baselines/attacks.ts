// Attacks on a simulated source, or on what its writer commits.
import type { Seeded } from '../simulation/random.ts'
import type { SimulatedFile, SimulatedSource } from './simulated-source.ts'
import { encrypt } from './workloads.ts'

/** An attack that is under way. */
export interface Attack {
  /** @param attackDay 0 on its first day. @returns the files of the snapshot that is committed. */
  strike: (source: SimulatedSource, attackDay: number) => Iterable<SimulatedFile>
}

export interface AttackKind {
  readonly name: string
  readonly text: string
  begin: (seeded: Seeded) => Attack
}

/** Each day 1 % of the bytes, in whole files that were not encrypted before. */
const slowEncryption: AttackKind = {
  name: 'slow encryption',
  text: 'encrypts files with 1 % of the bytes each day',
  begin() {
    const encrypted = new Set<string>()
    return {
      strike(source) {
        let open = 0.01 * source.bytes
        for (const file of source.shuffledFiles()) {
          if (encrypted.has(file.name)) continue
          if (open <= 0) break
          open -= file.chunks.reduce((sum, { bytes }) => sum + bytes, 0)
          encrypted.add(file.name)
          encrypt(source, file)
        }
        return source.files.values()
      },
    }
  },
}

const massDeletion: AttackKind = {
  name: 'mass deletion',
  text: 'deletes 20 % to 60 % of the files at once',
  begin: (seeded) => once(seeded, (source, file) => source.files.delete(file.name)),
}

const truncation: AttackKind = {
  name: 'truncation',
  text: 'empties 20 % to 60 % of the files at once',
  begin: (seeded) => once(seeded, (_, file) => (file.chunks = [])),
}

/** Does something to 20 % to 60 % of the files on the first day. */
function once(seeded: Seeded, act: (source: SimulatedSource, file: SimulatedFile) => unknown): Attack {
  const share = 0.2 + 0.4 * seeded.next()
  return {
    strike(source, attackDay) {
      const files = attackDay === 0 ? source.shuffledFiles() : []
      for (const file of files.slice(0, Math.round(files.length * share))) act(source, file)
      return source.files.values()
    },
  }
}

/** The manifests are well-formed, and their figures are those of their trees: the notary refuses others. */
const bogusSnapshots: AttackKind = {
  name: 'bogus snapshots',
  text: 'a stolen writer commits well-formed snapshots: of 60 % to 90 % of the files, of the usual files with one repeated content, or of the usual files with made-up content',
  begin(seeded) {
    const kind = seeded.pick(['fewer', 'repeated', 'made-up'] as const)
    const share = 0.6 + 0.3 * seeded.next()
    let bogus: SimulatedFile[] | null = null
    const make = (source: SimulatedSource): SimulatedFile[] => {
      const files = source.shuffledFiles()
      if (kind === 'fewer') return files.slice(0, Math.round(files.length * share))
      const repeated = source.newChunk(1, 0.1)
      const contentOf = (bytes: number) =>
        kind === 'repeated' ? { ...repeated, bytes } : source.newChunk(bytes, 0.3)
      return files.map(({ name, chunks }) => ({ name, chunks: chunks.map(({ bytes }) => contentOf(bytes)) }))
    }
    return { strike: (source) => (bogus ??= make(source)) }
  },
}

/** The files stay in the source: only snapshots lose them. */
const gradualExclusion: AttackKind = {
  name: 'gradual exclusion',
  text: 'leaves out another 1 % of the files each day',
  begin() {
    const excluded = new Set<string>()
    return {
      strike(source) {
        const files = source.shuffledFiles().filter(({ name }) => !excluded.has(name))
        const count = Math.ceil(0.01 * source.files.size)
        for (const { name } of files.slice(0, count)) excluded.add(name)
        return [...source.files.values()].filter(({ name }) => !excluded.has(name))
      },
    }
  },
}

export const attacks: readonly AttackKind[] = [
  slowEncryption,
  massDeletion,
  truncation,
  bogusSnapshots,
  gradualExclusion,
]
