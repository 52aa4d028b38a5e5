// The files of the toolkit bucket, with which a restore starts when production is lost: the tool, its
// configuration and the runbook. Every key contains the SHA-256 of its content, so new content gets a new key
// and no file is ever overwritten.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { list } from 'tar'
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { listText } from '../core/list-text.ts'
import { toolkitKey } from '../guardrails/names.ts'

export interface ToolkitFile {
  /** Stable, because it is part of a Pulumi resource name. */
  name: 'tarball' | 'configuration' | 'runbook'
  key: string
  sha256: string
  contentType: string
  /** The text itself, or the path of a file. */
  content: { text: string } | { file: string }
}

export interface Tarball {
  file: string
  version: string
  sha256: string
}

const projectFolder = fileURLToPath(new URL('..', import.meta.url))
const maxTarballBytes = 64 * 2 ** 20
/** A message names this many packages, and counts the others. */
const maxListed = 5
const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()).default({}) })

/**
 * @param tarballPath the output of `npm pack`; a relative path starts at the project's folder, because Pulumi
 * runs the program in another folder
 * @throws HoldfastError `invalid-input` if the file is missing, isn't such a tarball, or lacks dependencies of the tool
 */
export function readTarball(tarballPath: string): Tarball {
  const file = path.resolve(projectFolder, tarballPath)
  const refuse = (problem: string, cause?: unknown) =>
    new HoldfastError('invalid-input', `holdfast:toolkit: ${problem}`, {
      hint: 'run `npm ci` and `npm pack`, and set holdfast:toolkit to its path; nothing was changed',
      cause,
    })
  const version = /^holdfast-(\d+\.\d+\.\d+(?:-[\w.]+)?)\.tgz$/.exec(path.basename(file))?.[1]
  if (version === undefined)
    throw refuse(`${path.basename(file)} is not a name that \`npm pack\` gives, holdfast-VERSION.tgz`)
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw refuse(`${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`, error)
  }
  if (bytes.length > maxTarballBytes || bytes[0] !== 0x1f || bytes[1] !== 0x8b)
    throw refuse(`${file} is not a tarball of at most ${maxTarballBytes / 2 ** 20} MiB`)
  const missing = findMissingDependencies(file)
  if (missing === null) throw refuse(`${file} holds no package`)
  if (missing.length > 0)
    throw refuse(`${file} lacks packages that the tool needs: ${listText(missing, maxListed)}`)
  return { file, version, sha256: sha256Of(bytes) }
}

/** Dependencies that it doesn't bring, because a restore can't rely on a registry; null if it is no package. */
function findMissingDependencies(file: string): string[] | null {
  const names = new Set<string>()
  const manifest: Buffer[] = []
  list({
    file,
    sync: true,
    onReadEntry: (entry) => {
      names.add(entry.path)
      if (entry.path === 'package/package.json') entry.on('data', (chunk) => manifest.push(chunk))
    },
  })
  const content = packageSchema.safeParse(parseJson(Buffer.concat(manifest).toString()))
  if (!content.success) return null
  return Object.keys(content.data.dependencies).filter(
    (name) => !names.has(`package/node_modules/${name}/package.json`),
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export function toolkitFiles(
  tarball: Tarball,
  configuration: Record<string, unknown>,
  runbook: string,
): ToolkitFile[] {
  const text = (
    name: 'configuration' | 'runbook',
    fileName: string,
    contentType: string,
    value: string,
  ): ToolkitFile => {
    const sha256 = sha256Of(value)
    return {
      name,
      key: toolkitKey(tarball.version, sha256, fileName),
      sha256,
      contentType,
      content: { text: value },
    }
  }
  return [
    {
      name: 'tarball',
      key: toolkitKey(tarball.version, tarball.sha256, `holdfast-${tarball.version}.tgz`),
      sha256: tarball.sha256,
      contentType: 'application/gzip',
      content: { file: tarball.file },
    },
    text('configuration', 'vault.json', 'application/json', `${JSON.stringify(configuration, null, 2)}\n`),
    text('runbook', 'RESTORE.md', 'text/markdown; charset=utf-8', runbook),
  ]
}

/** The key of a text that only a deployment knows, beside the other files of its version. */
export function keyBeside({ key }: Pick<ToolkitFile, 'key'>, fileName: string, content: string): string {
  const version = key.split('/')[1]!
  return toolkitKey(version, sha256Of(content), fileName)
}

function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}
