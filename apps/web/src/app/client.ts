import { QueryClient } from '@tanstack/react-query'
import { api, createClient } from '@tidemark/contracts'

// With a session that is over nothing here can be read: the login page is what there is to see.
const reach: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init)
  if (answer.status === 401 && window.location.pathname !== '/login') {
    window.location.assign(`/login?next=${encodeURIComponent(window.location.pathname + window.location.search)}`)
  }
  return answer
}

/** The typed client of the server that served this page. The header says that one of its own pages asks, which no form of another site can. */
export const client = createClient(api, { baseUrl: '', fetch: reach, headers: { 'x-tidemark-page': '1' } })

/** Data is fresh until the live feed says that it changed; without the feed it is asked for again every 30 s. */
export const queryClient = new QueryClient({
  defaultOptions: { queries: { staleTime: 5_000, refetchInterval: 30_000, retry: 1, refetchOnWindowFocus: true } },
})
