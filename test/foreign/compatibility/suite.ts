// One test of VersityGW's own S3 suite, run against a sandbox that nothing else has touched.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServiceFactory, ServiceReply } from '../../../lab/sandbox/protocol/service.ts'
import { createS3Service } from '../../../lab/sandbox/s3/service.ts'
import { startSandbox } from '../../../lab/sandbox/server.ts'
import { declareCloud, vaultAccount } from '../../lab/sandbox/small-cloud.ts'

export interface Outcome {
  /**
   * `adapted`: it passes once the sandbox answers as VersityGW does in what is no concern of a vault: see
   * `Adaptations`.
   */
  result: 'passes' | 'adapted' | 'fails'
  /** The suite's message about a failure. */
  output: string
  /** Errors that are the sandbox's own fault. */
  defects: string[]
  /** The texts that had to be replaced. */
  wording: Map<string, string>
}

/** Changes between the suite and the sandbox, learned from the suite's complaints. */
interface Adaptations {
  /** Texts of errors, the sandbox's (AWS's) to VersityGW's; codes and statuses stay. */
  wording: Map<string, string>
  /** A parameter `versionId=` without a value, which AWS refuses and the suite sends. */
  ignoresEmptyVersionId: boolean
}

const maxMs = 120_000
/** In memory, if there is such a file system: hundreds of sandboxes that sync would wait for the disk. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const maxRuns = 12

/**
 * Again and again with one more adaptation, until it passes or fails on something else.
 * @param knownWording texts to begin with, which saves runs; a test that passes without any needs none.
 */
export async function runSuiteTest(
  binary: string,
  name: string,
  knownWording: ReadonlyMap<string, string> = new Map(),
): Promise<Outcome> {
  const adaptations: Adaptations = { wording: new Map(knownWording), ignoresEmptyVersionId: false }
  for (let runs = 1; ; runs++) {
    const { passed, output: message, defects } = await runOnce(binary, name, adaptations)
    const { wording } = adaptations
    if (passed && defects.length === 0)
      return {
        result: runs === 1 && knownWording.size === 0 ? 'passes' : 'adapted',
        output: '',
        defects,
        wording,
      }
    if (passed || runs === maxRuns || !adapt(adaptations, message))
      return { result: 'fails', output: message, defects, wording }
  }
}

/** False if what the suite says of the failure calls for none. */
function adapt(adaptations: Adaptations, message: string): boolean {
  if (message.includes('Version id cannot be the empty string') && !adaptations.ignoresEmptyVersionId)
    return (adaptations.ignoresEmptyVersionId = true)
  const [, theirs, answered] = /expected error message to be (.+), instead got (.+)$/s.exec(message) ?? []
  if (theirs === undefined || answered === undefined) return false
  const ours = [...adaptations.wording].find(([, text]) => text === answered)?.[0] ?? answered
  if (adaptations.wording.get(ours) === theirs) return false
  adaptations.wording.set(ours, theirs)
  return true
}

async function runOnce(
  binary: string,
  name: string,
  adaptations: Adaptations,
): Promise<{ passed: boolean; output: string; defects: string[] }> {
  const directory = await mkdtemp(join(parent, 'holdfast-compatibility-'))
  const sandbox = await startSandbox({
    directory,
    declaration: declareCloud([]),
    services: [adaptedS3(adaptations)],
  })
  try {
    const { accessKeyId, secretAccessKey } = sandbox.rootCredentials(vaultAccount)
    const { ok, output } = await runVersity(
      binary,
      ['test', '-e', sandbox.endpoint, name, '--versioning-enabled'],
      { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    )
    const passed = ok && output.includes(`PASS ${name}`)
    const failureText = /FAIL [^:]*: (.*)/s.exec(output)?.[1] ?? output
    const [message] = failureText.split(
      new RegExp(`\\n${name}: failed to delete the bucket|\\n(?:RUN|PASS|FAIL) |\\n\\d{4}/`),
    ) as [string]
    return {
      passed,
      output: passed ? '' : message.trim().slice(0, 1_000),
      defects: sandbox.defects.map(String),
    }
  } finally {
    await sandbox.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

function runVersity(
  binary: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, {
      env: { HOME: '/nonexistent', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: maxMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    // It colours what it prints.
    child.once('close', (status) =>
      resolve({ ok: status === 0, output: output.replace(/\u001b\[\d+m/g, '') }),
    )
  })
}

/** The sandbox's S3 behind the adaptations; it takes the place of the one that every sandbox has. */
function adaptedS3({ wording, ignoresEmptyVersionId }: Adaptations): ServiceFactory {
  const reword = (reply: ServiceReply): ServiceReply => {
    if (typeof reply.body !== 'string') return reply
    return {
      ...reply,
      body: reply.body.replace(
        /<Message>(.*?)<\/Message>/gs,
        (_, text: string) =>
          `<Message>${escapeXml(wording.get(unescapeXml(text)) ?? unescapeXml(text))}</Message>`,
      ),
    }
  }
  return (host) => {
    const inner = createS3Service(host)
    return {
      ...inner,
      handle: async (request) => {
        const query = request.query
          .split('&')
          .filter((part) => !ignoresEmptyVersionId || part !== 'versionId=')
          .join('&')
        return reword(await inner.handle({ ...request, query }))
      },
      renderError: (error, request) => reword(inner.renderError(error, request)),
    }
  }
}

const entities: [string, string][] = [
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
]

function escapeXml(text: string): string {
  return entities.reduce((escaped, [character, entity]) => escaped.replaceAll(character, entity), text)
}

function unescapeXml(text: string): string {
  return entities
    .toReversed()
    .reduce((plain, [character, entity]) => plain.replaceAll(entity, character), text)
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
}
