import type { FeatureCounts, WindowDetail } from '@tidemark/contracts'
import type { z } from 'zod'
import type { Queryable } from '../../platform/index.ts'
import { WindowNotFound } from '../errors.ts'
import type { NumericProfile } from '../reference/profile.ts'
import { profileById } from '../reference/store.ts'
import type { EndpointKey } from '../types.ts'
import { binCounts, categoriesOf, PREDICTION, type WindowCounts } from '../windows/counts.ts'
import { nameOfFeature, short } from '../windows/decide.ts'
import { checksOf, countsOf, summaryOf, windowById } from '../windows/store.ts'

/** Categories listed one by one; the rest are one cell. */
const MOST_CELLS = 30

/** One window with every check, and its counts beside the reference's. */
export async function windowDetail(db: Queryable, key: EndpointKey, id: string): Promise<z.infer<typeof WindowDetail>> {
  const window = await windowById(db, key.workspace, id)
  if (window?.endpoint !== key.endpoint) throw WindowNotFound(id, key.endpoint)
  const stored = window.profile ? await profileById(db, key.workspace, window.profile) : null
  const counts = await countsOf(db, key.workspace, [id])
  const features: FeatureCounts[] = (stored?.profile.features ?? []).map((feature) => {
    if (feature.kind === 'numeric') return numericCounts(feature.name, feature, counts)
    // Maps, because a category may be called as a member of every object is.
    const here = new Map(Object.entries(categoriesOf(counts.get(feature.name))))
    const reference = new Map(Object.entries(feature.counts))
    const names = [...new Set([...reference.keys(), ...here.keys()])]
    const cells = names
      .map((name) => ({ name, window: here.get(name) ?? 0, reference: reference.get(name) ?? 0 }))
      .sort((a, b) => b.reference + b.window - a.reference - a.window)
    const rest = cells.slice(MOST_CELLS)
    return {
      feature: feature.name,
      kind: 'category',
      followsCalendar: feature.followsCalendar,
      cells: [
        ...cells.slice(0, MOST_CELLS),
        ...(rest.length > 0
          ? [
              {
                name: `${rest.length} others`,
                window: rest.reduce((sum, cell) => sum + cell.window, 0),
                reference: rest.reduce((sum, cell) => sum + cell.reference, 0),
              },
            ]
          : []),
      ],
      missing: { window: counts.get(feature.name)?.get('m') ?? 0, reference: feature.missing },
      outside: cells.reduce((sum, cell) => sum + (cell.reference === 0 ? cell.window : 0), 0),
    }
  })
  if (stored?.profile.predictions) features.push(numericCounts(PREDICTION, stored.profile.predictions, counts))
  const checks = (await checksOf(db, key.workspace, [id])).map(({ window: _, ...check }) => check)
  return { window: summaryOf(window), checks, features }
}

function numericCounts(key: string, profile: NumericProfile, counts: WindowCounts): FeatureCounts {
  const cells = counts.get(key)
  const window = binCounts(profile, cells)
  return {
    feature: nameOfFeature(key),
    kind: 'numeric',
    followsCalendar: profile.followsCalendar,
    cells: profile.counts.map((reference, bin) => ({
      name: binName(profile, bin),
      window: window[bin] ?? 0,
      reference,
    })),
    missing: { window: cells?.get('m') ?? 0, reference: profile.missing },
    outside: (cells?.get('lo') ?? 0) + (cells?.get('hi') ?? 0),
  }
}

function binName({ edges }: NumericProfile, bin: number): string {
  const [low, high] = [edges[bin - 1], edges[bin]]
  if (low === undefined) return high === undefined ? 'all' : `≤ ${short(high)}`
  return high === undefined ? `> ${short(low)}` : `${short(low)} – ${short(high)}`
}
