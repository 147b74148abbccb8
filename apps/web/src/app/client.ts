import { QueryClient } from '@tanstack/react-query'
import { api, createClient } from '@tidemark/contracts'

/** The typed client of the server that served this page. */
export const client = createClient(api, { baseUrl: '' })

/** Data is fresh until the live feed says that it changed; without the feed it is asked for again every 30 s. */
export const queryClient = new QueryClient({
  defaultOptions: { queries: { staleTime: 5_000, refetchInterval: 30_000, retry: 1, refetchOnWindowFocus: true } },
})
