// Reads the body of a ranged GET: exactly the requested bytes, or an error. It never returns a shorter range.
import { addAbortSignal, finished } from 'node:stream'
import type { Readable } from 'node:stream'
import { HoldfastError } from '../core/errors.ts'
import { receiveBody } from './receiving-agents.ts'

export interface RangeResponse {
  versionId: string | undefined
  contentRange: string | undefined
  contentLength: number | undefined
  body: Readable
}

const wrongResponseHint = 'a proxy in between changes the responses, or the endpoint is not an S3 store'

export interface RangeRequest {
  /** Names the object in an error. */
  objectName: string
  versionId: string
  offset: number
  bytes: number
  /** Receives the bytes; undefined: a new buffer does. */
  target?: Buffer | undefined
}

/**
 * The bytes of `response`, if it matches `request`. Reads the body to its end, or closes its connection.
 * @throws `damaged` if the object is too short for the range; `unreachable`, retryable, for a response that is
 * truncated, too long, or of another range or version.
 */
export async function readRange(
  response: RangeResponse,
  request: RangeRequest,
  deadline: AbortSignal,
): Promise<Uint8Array> {
  try {
    checkHead(response, request)
    return await readExactly(addAbortSignal(deadline, response.body), request)
  } finally {
    // An unread body would keep its connection for ever.
    if (!response.body.destroyed) response.body.destroy()
  }
}

function checkHead(response: RangeResponse, request: RangeRequest): void {
  if (response.versionId !== undefined && response.versionId !== request.versionId)
    throw wrongResponse(request.objectName, 'the response is of another version')
  const last = request.offset + request.bytes - 1
  const range = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(response.contentRange ?? '')
  if (range === null) throw wrongResponse(request.objectName, 'the response is not a range')
  const [first, end, total] = [Number(range[1]), Number(range[2]), Number(range[3])]
  if (first === request.offset && end < last && end === total - 1) {
    throw new HoldfastError(
      'damaged',
      `${request.objectName} has only ${total} bytes, and the request was for its bytes ${request.offset} to ${last}`,
      {
        hint: '`holdfast verify` lists what is damaged; other snapshots are not affected',
        context: { offset: request.offset, bytes: request.bytes, objectBytes: total },
      },
    )
  }
  if (first !== request.offset || end !== last)
    throw wrongResponse(request.objectName, 'the response is of another range')
  if (response.contentLength !== undefined && response.contentLength !== request.bytes) {
    throw wrongResponse(
      request.objectName,
      `the response announces ${response.contentLength} bytes, the request was for ${request.bytes}`,
    )
  }
}

/** Uses events, because an async iterator would double the time per byte. */
function readExactly(body: Readable, request: RangeRequest): Promise<Uint8Array> {
  // Never a slice of Node's pool, because the caller may transfer the buffer to a worker.
  const bytes = request.target ?? Buffer.allocUnsafeSlow(request.bytes)
  return new Promise((resolve, reject) => {
    const received = receiveBody(body, bytes, () =>
      wrongResponse(request.objectName, `the store sent more than the ${request.bytes} requested bytes`),
    )
    finished(body, { writable: false }, (error) => {
      if (error) reject(error)
      else if (received.bytes !== request.bytes)
        reject(
          wrongResponse(request.objectName, `the store sent ${received.bytes} of ${request.bytes} bytes`),
        )
      else resolve(bytes)
    })
  })
}

function wrongResponse(objectName: string, detail: string): HoldfastError {
  return new HoldfastError('unreachable', `reading ${objectName} failed: ${detail}`, {
    hint: wrongResponseHint,
    retryable: true,
  })
}
