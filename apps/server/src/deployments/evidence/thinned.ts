/** Drops every second point of each series, never the last. */
export function thinned<Point>(points: readonly Point[], seriesOf: (point: Point) => string): Point[] {
  const counts = new Map<string, number>()
  const backwards = points.toReversed().filter((point) => {
    const index = counts.get(seriesOf(point)) ?? 0
    counts.set(seriesOf(point), index + 1)
    return index % 2 === 0
  })
  return backwards.toReversed()
}
