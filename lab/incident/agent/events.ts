// What the agent reports, one JSON line per event. Secrets are never among it.
import type { Attempt } from './destruction.ts'

export type AgentEvent =
  | { event: 'tried'; file: string; accessKeyId: string; answer: string; atMs: number }
  | ({ event: 'attempted' } & Attempt)
  | { event: 'finished'; atMs: number }
