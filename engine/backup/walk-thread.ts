// Entry of the thread that walks the source.
import { serveThread } from '../worker-pool.ts'
import { WalkWorker } from './walk-worker.ts'

serveThread(WalkWorker)
