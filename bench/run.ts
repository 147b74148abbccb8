/** `npm run bench -- NAME --json FILE`: one benchmark, us and the peer in the same run. Without a name it lists them. */
import { existsSync, readdirSync } from 'node:fs'

const folder = new URL('.', import.meta.url)
const [name, ...args] = process.argv.slice(2)
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/main.ts`, folder)))
  .map((entry) => entry.name)
if (!name || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [--json FILE]\nBenchmarks: ${names.join(', ')}`)
  process.exit(1)
}
process.argv = [process.argv[0] ?? 'node', `${name}/main.ts`, ...args]
await import(new URL(`${name}/main.ts`, folder).href)
