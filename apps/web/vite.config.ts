import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// The server serves dist/; in development Vite serves the UI and passes the API on to a running platform.
const server = process.env.TIDEMARK_SERVER_URL ?? 'http://127.0.0.1:5000'

export default defineConfig({
  plugins: [react(), gzipFiles()],
  resolve: { conditions: ['@tidemark/source', 'module', 'browser', 'development|production'] },
  build: { target: 'es2023', chunkSizeWarningLimit: 900 },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: { '/api': { target: server, changeOrigin: true, headers: { origin: server } } },
  },
})

/** A .gz beside each built text file above a kilobyte: the server sends it as it is, compressed once. */
function gzipFiles(): Plugin {
  let folder = ''
  return {
    name: 'gzip-files',
    apply: 'build',
    configResolved: (config) => {
      folder = `${config.root}/${config.build.outDir}`
    },
    closeBundle: () => {
      for (const file of globSync(`${folder}/**/*.{js,css,svg}`)) {
        const bytes = readFileSync(file)
        if (bytes.length > 1024) writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
      }
    },
  }
}
