import type { ServiceReply } from '../protocol/service.ts'
import type { S3Call } from './call.ts'

/** One entry of S3's table of operations. */
export interface Operation {
  name: string
  level: 'account' | 'bucket' | 'object'
  method: string
  /** Query parameters that single it out, as `name` or `name=value`. */
  query?: string[]
  /** A header that singles it out. */
  header?: string
  handle: (call: S3Call) => Promise<ServiceReply>
}
