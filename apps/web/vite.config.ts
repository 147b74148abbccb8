import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The server serves dist/; in development Vite serves the UI and passes the API on to a running platform.
const server = process.env.TIDEMARK_SERVER_URL ?? 'http://127.0.0.1:5000'

export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ['@tidemark/source', 'module', 'browser', 'development|production'] },
  build: { target: 'es2023', chunkSizeWarningLimit: 900 },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: { '/api': { target: server, changeOrigin: true, headers: { origin: server } } },
  },
})
