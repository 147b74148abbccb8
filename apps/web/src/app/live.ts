import { useEffect, useSyncExternalStore } from 'react'
import { queryClient } from './client.ts'

type Feed =
  | { readonly state: 'connecting' | 'live'; readonly since: Date }
  | { readonly state: 'lost'; readonly since: Date }

let feed: Feed = { state: 'connecting', since: new Date() }
const listeners = new Set<() => void>()

function set(next: Feed): void {
  feed = next
  for (const listener of listeners) listener()
}

/** Asks again for whatever is on the page, at most twice a second, when the platform says that something changed. */
let waiting = false
function refresh(): void {
  if (waiting) return
  waiting = true
  window.setTimeout(() => {
    waiting = false
    void queryClient.invalidateQueries({ refetchType: 'active' })
  }, 500)
}

/** Keeps the page live by server-sent events; the browser connects again by itself. */
export function useLiveFeed(): void {
  useEffect(() => {
    const source = new EventSource('/api/v1/stream')
    source.onopen = () => {
      set({ state: 'live', since: new Date() })
      refresh()
    }
    source.onerror = () => {
      if (feed.state !== 'lost') set({ state: 'lost', since: new Date() })
    }
    source.addEventListener('event', refresh)
    source.addEventListener('changed', refresh)
    return () => source.close()
  }, [])
}

/** Whether the page is live, and since when it is not. */
export function useFeedState(): Feed {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => feed,
  )
}
