import { useQuery } from '@tanstack/react-query'
import type { Permission } from '@tidemark/contracts'
import { client, queryClient } from './client.ts'

/** Who looks at this page, and where. */
export function useSession() {
  return useQuery({ queryKey: ['session'], queryFn: () => client.identity.session(), staleTime: 60_000 })
}

/** Whether the one who looks may do something in this workspace: what they may not is not offered. The server decides in any case. */
export function useMay(permission: Permission): boolean {
  return useSession().data?.workspace?.permissions.includes(permission) ?? false
}

/** Remembers the workspace for links and streams too, which carry no header of ours. No right lies in it. */
export function rememberWorkspace(name: string): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing without TLS.
  document.cookie = `tidemark-workspace=${encodeURIComponent(name)}; Path=/; SameSite=Strict; Max-Age=31536000`
}

/** Shows another workspace: from its home on, because what was on the page is not there. */
export function goToWorkspace(name: string): void {
  rememberWorkspace(name)
  window.location.assign('/')
}

/** Where the login page leads: only ever to a page of this server. */
export function nextPage(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/'
  return /^\/(?![/\\])/.test(next) ? next : '/'
}

export function goToLogin(): void {
  const here = window.location.pathname + window.location.search
  window.location.assign(here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`)
}

export async function signOut(): Promise<void> {
  await client.identity.signOut()
  queryClient.clear()
  window.location.assign('/login')
}
