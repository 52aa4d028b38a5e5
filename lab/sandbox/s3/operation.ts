import type { ServiceReply } from '../protocol/service.ts'
import type { S3Call } from './call.ts'

type Level = 'account' | 'bucket' | 'object'
type Serve = (call: S3Call) => Promise<ServiceReply>

/** One row of S3's table of operations. */
export interface Operation {
  readonly name: string
  readonly level: Level
  readonly method: string
  /** Query parameters that identify the operation; a null value stands for any value. */
  readonly query: readonly { readonly name: string; readonly value: string | null }[]
  /** A header that identifies the operation. */
  readonly header: string | null
  readonly serve: Serve
}

/** @param route as in AWS's reference: `GET bucket?list-type=2`, `PUT object?uploadId&partNumber`. */
export function operation(
  name: string,
  route: string,
  serve: Serve,
  header: string | null = null,
): Operation {
  const match = /^([A-Z]+) (account|bucket|object)(?:\?(.+))?$/.exec(route)
  if (match === null) throw new RangeError(`the route ${route} of ${name} is malformed`)
  const [, method = '', level, query] = match
  const parameters = query === undefined ? [] : query.split('&')
  return {
    name,
    level: level as Level,
    method,
    query: parameters.map((parameter) => {
      const [parameterName = '', value = null] = parameter.split('=')
      return { name: parameterName, value }
    }),
    header,
    serve,
  }
}
