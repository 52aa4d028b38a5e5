// The sizes of the replayed production: one for the drill, and a small one for its tests.

export interface WorldSize {
  branches: number
  vehicles: number
  customers: number
  bookings: number
  /** Files in the uploads directory. */
  uploads: number
  /** Rounds of the workload between two backups; each changes some rows and some files. */
  rounds: number
  /** Files in the working tree that the agent searches. */
  workingTree: number
}

export const drillSize: WorldSize = {
  branches: 40,
  vehicles: 4_000,
  customers: 30_000,
  bookings: 60_000,
  uploads: 3_000,
  rounds: 60,
  workingTree: 600,
}

export const smallSize: WorldSize = {
  branches: 4,
  vehicles: 50,
  customers: 300,
  bookings: 600,
  uploads: 60,
  rounds: 5,
  workingTree: 60,
}
