import type { Kind } from './compare.ts'
import { ARTIFACT_DIFFERENCES } from './differencesOfArtifacts.ts'
import { REGISTRY_DIFFERENCES } from './differencesOfRegistry.ts'
import { TRACKING_DIFFERENCES } from './differencesOfTracking.ts'
import { WEBHOOK_AND_DATASET_DIFFERENCES } from './differencesOfWebhooks.ts'

/** A way in which Tidemark answers otherwise than a stock MLflow, on purpose. */
export interface Difference {
  readonly kind: Kind
  /** What a stock server does. */
  readonly stock: string
  /** What Tidemark does. */
  readonly ours: string
  readonly reason: string
  /** The requests that show it, by scenario. */
  readonly shown: Readonly<Record<string, readonly string[]>>
}

/** Every known difference; a request that is not named here is answered alike. */
export const DIFFERENCES: readonly Difference[] = [
  ...TRACKING_DIFFERENCES,
  ...REGISTRY_DIFFERENCES,
  ...ARTIFACT_DIFFERENCES,
  ...WEBHOOK_AND_DATASET_DIFFERENCES,
]

const KINDS: ReadonlyMap<string, Kind> = new Map(
  DIFFERENCES.flatMap(({ kind, shown }) => requestsOf(shown).map((request): [string, Kind] => [request, kind])),
)

/** How the answers to a request are known to differ; null when they are the same. */
export function expectedKind(scenario: string, title: string): Kind | null {
  return KINDS.get(`${scenario} / ${title}`) ?? null
}

/** All requests that the list names, once for each time. */
export function listed(): string[] {
  return DIFFERENCES.flatMap(({ shown }) => requestsOf(shown))
}

function requestsOf(shown: Difference['shown']): string[] {
  return Object.entries(shown).flatMap(([scenario, titles]) => titles.map((title) => `${scenario} / ${title}`))
}
