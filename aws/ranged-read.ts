// The body of a ranged GET: exactly the bytes that were asked for, or an error. Nothing short is ever handed on.
import { addAbortSignal, finished } from 'node:stream'
import type { Readable } from 'node:stream'
import { HoldfastError } from '../core/errors.ts'
import { receiveBody } from './receiving-agents.ts'

export interface RangeReply {
  versionId: string | undefined
  contentRange: string | undefined
  contentLength: number | undefined
  body: Readable
}

const wrongAnswerHint =
  'something between here and the store changes its answers, or the store is not an S3 store'

/**
 * The bytes of `reply` if it is what was asked for. The body is read to its end, or its connection is closed.
 * @throws `damaged` if the object is too short for the range; `unreachable`, retryable, for an answer that is torn, too
 * long, or not the range or version that was asked for.
 */
export async function readRange(
  reply: RangeReply,
  asked: {
    what: string
    versionId: string
    offset: number
    bytes: number
    memory?: SharedArrayBuffer | undefined
  },
  deadline: AbortSignal,
): Promise<Uint8Array> {
  try {
    checkHead(reply, asked)
    return await readExactly(addAbortSignal(deadline, reply.body), asked)
  } finally {
    // A body that is left unread would keep its connection for ever.
    if (!reply.body.destroyed) reply.body.destroy()
  }
}

function checkHead(
  reply: RangeReply,
  asked: { what: string; versionId: string; offset: number; bytes: number },
): void {
  if (reply.versionId !== undefined && reply.versionId !== asked.versionId)
    throw wrongAnswer(asked.what, 'another version was answered')
  const last = asked.offset + asked.bytes - 1
  const range = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(reply.contentRange ?? '')
  if (range === null) throw wrongAnswer(asked.what, 'the answer is not a range')
  const [first, end, total] = [Number(range[1]), Number(range[2]), Number(range[3])]
  if (first === asked.offset && end < last && end === total - 1) {
    throw new HoldfastError(
      'damaged',
      `${asked.what} has only ${total} bytes, and its bytes ${asked.offset} to ${last} were asked for`,
      {
        hint: '`holdfast verify` lists what is damaged; other snapshots are not affected',
        context: { offset: asked.offset, bytes: asked.bytes, objectBytes: total },
      },
    )
  }
  if (first !== asked.offset || end !== last) throw wrongAnswer(asked.what, 'another range was answered')
  if (reply.contentLength !== undefined && reply.contentLength !== asked.bytes) {
    throw wrongAnswer(asked.what, `${reply.contentLength} bytes were announced, ${asked.bytes} asked for`)
  }
}

/** By events: an iterator would take as long as all else that is done with a byte. */
function readExactly(
  body: Readable,
  asked: { what: string; bytes: number; memory?: SharedArrayBuffer | undefined },
): Promise<Uint8Array> {
  // A buffer of its own, never a slice of Node's pool: it can be transferred to a worker.
  const bytes =
    asked.memory === undefined
      ? Buffer.allocUnsafeSlow(asked.bytes)
      : Buffer.from(asked.memory, 0, asked.bytes)
  return new Promise((resolve, reject) => {
    const received = receiveBody(body, bytes, () =>
      wrongAnswer(asked.what, `more than the ${asked.bytes} bytes asked for were sent`),
    )
    finished(body, { writable: false }, (error) => {
      if (error) reject(error)
      else if (received.bytes !== asked.bytes)
        reject(wrongAnswer(asked.what, `${received.bytes} of ${asked.bytes} bytes were sent`))
      else resolve(bytes)
    })
  })
}

function wrongAnswer(what: string, detail: string): HoldfastError {
  return new HoldfastError('unreachable', `reading ${what} failed: ${detail}`, {
    hint: wrongAnswerHint,
    retryable: true,
  })
}
