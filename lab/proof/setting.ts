/** One property of the declared resources that no policy states, with the verdict on it. */
export interface Setting {
  /** Stable, because the report of a mutant names it. */
  readonly name: string
  readonly sentence: string
  readonly holds: boolean
}
