// The three weeks as data: what happens in the daytime, and what must be red in the morning. A day begins with its
// night: backups at 01:00, the commands of the vault's account at 04:00, and the page at 07:00. At noon something
// happens. Every third night, a drill restores one source. All times are UTC.

export const weekSources = ['rental-db', 'uploads'] as const
export type WeekSource = (typeof weekSources)[number]

/** An event of the daytime; a quiet day has none. */
export type NoonEvent = 'agent' | 'recovery' | 'stolen-writer' | 'second-byte' | 'revocation' | 'retirement'

export const noonTexts: Readonly<Record<NoonEvent, string>> = {
  agent: 'An agent finds a key in a file. It deletes the production volume and every snapshot of it.',
  recovery: 'On-call restores both sources to a new volume. Every file is as it was at the last backup.',
  'stolen-writer':
    "Production's administrator stops the backups of `rental-db`. A stolen writer puts one byte under its manifests.",
  'second-byte': 'The stolen writer puts another byte under the manifests of `rental-db`.',
  revocation: 'An operator revokes the writer, marks its garbage as bogus, and starts the backups again.',
  retirement: 'The host of `uploads` is switched off, and no operator hears of it.',
}

export interface CalendarDay {
  day: number
  noon: NoonEvent | null
  /** The checks that must be red in the morning, and no others. */
  red: Readonly<Partial<Record<WeekSource, readonly string[]>>>
  /** The commands of the night that must fail, and no others. */
  failed: readonly string[]
}

const quietMorning = { red: {}, failed: [] } as const
/** No backup could read the wiped volume. */
const wipedMorning = {
  red: { 'rental-db': ['freshness'], uploads: ['freshness'] },
  failed: ['backup rental-db', 'backup uploads'],
} as const
const garbageMorning = { red: { 'rental-db': ['freshness', 'tamper'] }, failed: ['notary'] } as const
const silentMorning = { red: { uploads: ['freshness'] }, failed: [] } as const

const unusualDays: Readonly<Record<number, Partial<CalendarDay>>> = {
  8: { noon: 'agent' },
  9: { ...wipedMorning, noon: 'recovery' },
  10: { noon: 'stolen-writer' },
  11: { ...garbageMorning, noon: 'second-byte' },
  12: { ...garbageMorning, noon: 'revocation' },
  14: { noon: 'retirement' },
  ...Object.fromEntries([15, 16, 17, 18, 19, 20, 21].map((day) => [day, silentMorning])),
}

/** The source that a drill restores, by the night. It is one whose newest snapshot is young enough to pass. */
export const drilledSources: Readonly<Record<number, WeekSource>> = {
  2: 'rental-db',
  5: 'uploads',
  8: 'rental-db',
  11: 'uploads',
  14: 'uploads',
  17: 'rental-db',
  20: 'rental-db',
}

export const calendar: readonly CalendarDay[] = Array.from({ length: 21 }, (_, index) => ({
  noon: null,
  ...quietMorning,
  ...unusualDays[index + 1],
  day: index + 1,
}))
