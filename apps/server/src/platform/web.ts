import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { HttpServer } from './http.ts'

const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** Serves the built UI. A path that is neither a file nor the API's is a page of the UI, which finds its own way. */
export async function webRoutes(
  app: HttpServer,
  root = fileURLToPath(new URL('../../../web/dist/', import.meta.url)),
): Promise<void> {
  if (!existsSync(`${root}/index.html`)) {
    app.get('/', async (_request, reply) =>
      reply.type('text/plain').send('The API is up. The web UI is not built: run `npm run setup`, then start again.\n'),
    )
    return
  }
  await app.register(fastifyStatic, {
    root,
    wildcard: false,
    // The build leaves a .gz beside each text file that shrinks.
    preCompressed: true,
    setHeaders: (reply, path) => {
      reply.header('content-security-policy', CONTENT_POLICY)
      // Vite puts a content hash into the names of assets; the page itself must be asked for anew.
      reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  app.get('/*', async (request, reply) => {
    const wantsPage = request.headers.accept?.includes('text/html') ?? false
    if (!wantsPage || /^\/(api|ajax-api|internal)\//.test(request.url)) return reply.callNotFound()
    return reply
      .header('content-security-policy', CONTENT_POLICY)
      .header('cache-control', 'no-cache')
      .sendFile('index.html')
  })
}
