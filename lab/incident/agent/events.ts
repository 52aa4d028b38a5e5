// The events that the agent reports, one JSON line each. They never contain a secret.
import type { Attempt } from './destruction.ts'

export type AgentEvent =
  | { event: 'tried'; file: string; accessKeyId: string; answer: string; atMs: number }
  | ({ event: 'attempted' } & Attempt)
  | { event: 'finished'; atMs: number }
