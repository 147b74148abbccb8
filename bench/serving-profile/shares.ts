/** What is read of a profile that V8 wrote: one a thread. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  /** Node of each sample, and the microseconds before it. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

type Share = readonly [name: string, share: number]

/** What a function is there for, by its name and file; the first that fits. */
const PURPOSES: readonly (readonly [string, RegExp])[] = [
  ['the model (onnxruntime-node)', /onnxruntime/],
  [
    'sockets: read and write (Node)',
    /^(writeUtf8String|writeLatin1String|writeBuffer|readStop|readStart|shutdown) node$|node:net|stream_base_commons/,
  ],
  ['garbage collection', /^\(garbage collector\)/],
  [
    'to and from the thread that computes',
    /^postMessage |node:internal\/worker|per_context\/messageport|runtimes\/threads?\.ts/,
  ],
  [
    'reading the body and checking it',
    /scoring\/(json|input|rowsText|values|headers)\.ts|mlflow\/body\.ts|^(utf8Slice|isUtf8) /,
  ],
  ['tensors, runs shared by callers', /apps\/gateway\/src\/runtimes\//],
  ['the prediction log', /apps\/gateway\/src\/log\/|node:fs|^(writeString|fdatasync|writeSync) /],
  ['routing, admission, counting, the record', /apps\/gateway\/src\/|packages\/contracts\//],
  ['Fastify and its router', /node_modules\/(fastify|find-my-way|avvio|fast-querystring)/],
  ['HTTP (Node)', /node:_http|node:internal\/http|node:events|streams\/|node:internal\/streams/],
]

/**
 * Shares of the time in which the threads computed, largest first: by function, and by what functions are for. Idle time is left out, and so is what ran before
 * the first request: the loading of the program.
 */
export function sharesOf(profiles: readonly Profile[]): { functions: Share[]; purposes: Share[] } {
  const byFunction = new Map<string, number>()
  const byPurpose = new Map<string, number>()
  for (const { nodes, samples, timeDeltas } of profiles) {
    const known = new Map(nodes.map((node) => [node.id, node]))
    const starting = loading(nodes)
    for (const [place, id] of samples.entries()) {
      const frame = known.get(id)?.callFrame
      if (!frame || frame.functionName === '(idle)' || starting.has(id)) continue
      const name = `${frame.functionName || '(anonymous)'} ${placeOf(frame.url)}`
      const purpose = PURPOSES.find(([, is]) => is.test(name))?.[0] ?? 'the rest'
      const time = timeDeltas[place] ?? 0
      byFunction.set(name, (byFunction.get(name) ?? 0) + time)
      byPurpose.set(purpose, (byPurpose.get(purpose) ?? 0) + time)
    }
  }
  return { functions: ordered(byFunction), purposes: ordered(byPurpose) }
}

/** Nodes below the loading of modules. */
function loading(nodes: Profile['nodes']): Set<number> {
  const known = new Map(nodes.map((node) => [node.id, node]))
  const found = new Set<number>()
  const take = (id: number): void => {
    found.add(id)
    for (const child of known.get(id)?.children ?? []) take(child)
  }
  for (const { id, callFrame } of nodes)
    if (
      !found.has(id) &&
      /node:internal\/(modules|bootstrap)\/|node:internal\/(process\/pre_execution|main)/.test(callFrame.url)
    )
      take(id)
  return found
}

/** The last parts of a file's address; native code has none. */
function placeOf(url: string): string {
  if (url === '') return 'node'
  if (url.startsWith('node:')) return url
  const at = Math.max(url.indexOf('/node_modules/') + 1, url.indexOf('/apps/') + 1, url.indexOf('/packages/') + 1)
  return url.slice(at)
}

function ordered(times: ReadonlyMap<string, number>): Share[] {
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [...times].map(([name, time]) => [name, time / total] as const).sort((a, b) => b[1] - a[1])
}
