/** A broken invariant: the run of this seed fails with it. */
export class Violation extends Error {}
