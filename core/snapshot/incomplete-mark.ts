/** A file in the root of a restored directory whose snapshot was incomplete; `examine` reports it. */
export const incompleteMark = '.holdfast-incomplete'
