import type { Permission } from '@tidemark/contracts'

/**
 * What a route of MLflow's API needs that says nothing else: by its method, and by what it is about. A route that somebody adds is never open
 * to more than this.
 * @param path after `/api/2.0/` and the like, as `mlflow/runs/create`
 */
export function permissionOf(method: string, path: string): Permission {
  const part = /\/(registered-models|model-versions|webhooks)\b/.test(path) ? 'registry' : 'experiments'
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return `${part}.read`
  // Searches are posted because their filters are long; they change nothing.
  if (method === 'POST' && /\/(search|get-latest-versions|search-datasets)$/.test(path)) return `${part}.read`
  return deletes(method, path) ? `${part}.delete` : `${part}.write`
}

/** Deleting a thing, or bringing it back, is more than editing it; taking a tag, an alias or a webhook off is editing. */
function deletes(method: string, path: string): boolean {
  if (/\/(webhooks|tags?|alias|delete-tag|delete-experiment-tag)(\/|$)/.test(path)) return false
  return method === 'DELETE' || /\/(delete|restore)$/.test(path)
}
