/** Largest file of the smallest size, and how many times larger the next size is. */
const SMALL_BYTES = 4 << 20
const SIZES = 8

/** Of a growing day's files the smallest of about one size, where they are at least `least`: so each byte is written once a size, however many come. */
export function crowdOf<File extends { readonly bytes: number }>(files: readonly File[], least: number): File[] {
  const size = ({ bytes }: File) => Math.max(0, Math.ceil(Math.log(bytes / SMALL_BYTES) / Math.log(SIZES)))
  const crowds = [...Map.groupBy(files, size)].filter(([, group]) => group.length >= least)
  return crowds.sort(([a], [b]) => a - b)[0]?.[1] ?? []
}
