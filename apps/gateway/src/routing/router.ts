import type { AnswerRecord, MirrorLimits } from '@tidemark/contracts'
import type { LoadedVersion } from '../runtimes/models.ts'
import type { ServedEndpoint } from '../snapshot/serving.ts'
import { route } from './decide.ts'
import { Exposures } from './exposure.ts'
import { positionPercent } from './position.ts'

/** What of a question decides who answers it. */
export interface Routable {
  readonly id: string
  readonly caller: string | null
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/** Who answers, and who is asked the same afterwards. */
export interface Routed {
  readonly version: LoadedVersion
  readonly rollout: AnswerRecord['rollout']
  readonly mirrored: readonly { readonly version: LoadedVersion; readonly arm: 'champion' | 'candidate' }[]
  readonly limits: MirrorLimits | undefined
}

/** Routes questions to versions that are loaded, and counts whom the versions on trial answer. */
export class Router {
  private readonly exposures = new Exposures()
  private readonly leased: () => boolean

  constructor(leased: () => boolean) {
    this.leased = leased
  }

  /** A caller that is not known is shared out by request. */
  route({ spec, champion, tried }: ServedEndpoint, asked: Routable): Routed {
    const { routing } = spec
    const alone = { version: champion, rollout: null, mirrored: [], limits: undefined }
    if (routing.kind === 'single') return alone
    const key = asked.caller ?? asked.id
    const exposure = routing.kind === 'shadow' ? undefined : routing.exposure
    const { version: name, rollout } = route(
      spec,
      key,
      {
        caller: asked.caller,
        header: (header) => {
          const value = asked.headers[header]
          return Array.isArray(value) ? value.join(',') : value
        },
        cell: (column) => asked.rows[0]?.[asked.columns.indexOf(column)],
      },
      {
        position: positionPercent,
        leased: this.leased(),
        loaded: (version) => tried.some((each) => each.version === version),
        capped: (id, caller) => (exposure ? this.exposures.room(id, caller, exposure) : 'open'),
      },
    )
    if (rollout === null) return alone
    const version = tried.find((each) => each.version === name) ?? champion
    if (exposure && name !== null) this.exposures.note(rollout.id, key, exposure)
    const mirrored = [
      { version: champion, arm: 'champion' as const },
      ...tried.map((each) => ({ version: each, arm: 'candidate' as const })),
    ].filter((each) => each.version !== version)
    return { version, rollout, mirrored, limits: routing.mirror }
  }
}
