import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureEnvironment, workerAccount } from '@tidemark/workers'
import { PythonProcesses } from './processes.ts'
import { PythonModel } from './python.ts'

const LOCK = join(import.meta.dirname, '../../../../python/locks/worker.txt')
const folder = mkdtempSync(join(tmpdir(), 'tidemark-contained-'))
chmodSync(folder, 0o755)
const processes = new PythonProcesses(() => {})
const asRoot = process.getuid?.() === 0
let modelFolder = ''

// Misbehaves as its input says.
const SAVE_MODEL = `
import json, os, subprocess, sys, time, mlflow, pandas
from mlflow.models import infer_signature

class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.leaked = []

    def predict(self, context, model_input, params=None):
        what = model_input["what"][0]
        if what == "leak":
            self.leaked.append(bytearray(300 << 20))
            return [len(self.leaked)]
        if what == "daemons":
            code = [sys.executable, "-c", "import time; time.sleep(300)"]
            return [",".join(str(subprocess.Popen(code, start_new_session=True).pid) for _ in range(5))]
        if what == "bomb":
            while True:
                if os.fork() == 0:
                    time.sleep(300)
        if what == "fill":
            with open("full", "wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        if what == "environment":
            return [json.dumps(dict(os.environ))]
        if what.startswith("look "):
            return [json.dumps([done for path in what[5:].split("|") for done in looked(path)])]
        return [os.getpid()]

def looked(path):
    tries = {"lists": os.listdir, "reads": lambda file: open(file, "rb").read(1), "writes": lambda folder: open(folder + "/planted", "w")}
    for verb, attempt in tries.items():
        try:
            attempt(path)
        except OSError:
            continue
        yield verb + " " + path

frame = pandas.DataFrame({"what": ["a"]})
mlflow.pyfunc.save_model(sys.argv[1], python_model=Model(), signature=infer_signature(frame, ["b"]), pip_requirements=[])
`

before(async () => {
  const { python } = await ensureEnvironment(LOCK)
  modelFolder = join(folder, 'model')
  execFileSync(python, ['-c', SAVE_MODEL, modelFolder], { stdio: 'ignore', cwd: folder })
})
after(async () => {
  await processes.close()
  rmSync(folder, { recursive: true, force: true })
})

async function withModel(
  limits: { memoryBytes?: number; processes?: number; fileBytes?: number },
  work: (ask: (what: string) => Promise<unknown>, restarts: string[]) => Promise<void>,
): Promise<void> {
  const restarts: string[] = []
  const model = await PythonModel.load({
    start: () => processes.start(modelFolder, LOCK, limits),
    limits: { processes: 1, batchRows: 1000, callSeconds: 20, idleSeconds: 60 },
    onRestart: (reason) => restarts.push(reason),
    onRetry: () => {},
    onClosed: async () => {},
    firstPauseMs: 20,
  })
  try {
    const ask = async (what: string) =>
      (await model.predict({ kind: 'table', columns: ['what'], rows: [[what]] })).values[0]
    await work(ask, restarts)
  } finally {
    await model.close()
  }
}

test('a model that leaks fails one request by its limit, and a fresh process takes its place', async () => {
  await withModel({ memoryBytes: 2 ** 30 }, async (ask, restarts) => {
    const first = await ask('pid')
    const failures: string[] = []
    for (let request = 0; request < 12 && failures.length === 0; request += 1) {
      await ask('leak').catch((error: Error) => failures.push(error.message))
    }
    assert.match(failures[0] ?? '', /MemoryError/)
    assert.notEqual(await ask('pid'), first)
    assert.equal(await ask('leak'), 1)
    assert.match(restarts[0] ?? '', /fresh process/)
  })
})

test('what a model starts ends with its process, also in a session of its own', async () => {
  let daemons: string[] = []
  await withModel({}, async (ask) => {
    daemons = String(await ask('daemons')).split(',')
    assert.equal(daemons.filter(lives).length, 5)
  })
  for (let tries = 0; tries < 50 && daemons.some(lives); tries += 1) await sleep(50)
  assert.deepEqual(daemons.filter(lives), [])
})

test('a model that forks without end is stopped by its limit, fails, and leaves nothing behind', {
  skip: asRoot ? false : 'as an ordinary user the limit would count this user’s other processes',
}, async () => {
  const before = ownedByWorkers()
  await withModel({ processes: before + 60 }, async (ask) => {
    await assert.rejects(ask('bomb'), /BlockingIOError|temporarily unavailable/)
    assert.ok(ownedByWorkers() <= before + 61 + 10)
  })
  for (let tries = 0; tries < 50 && ownedByWorkers() > before + 10; tries += 1) await sleep(50)
  assert.ok(ownedByWorkers() <= before + 10)
})

test('a model that fills the disk is stopped by the size of a file', async () => {
  await withModel({ fileBytes: 16 << 20 }, async (ask) => {
    await assert.rejects(ask('fill'), /File too large|SIGXFSZ/)
    assert.ok(await ask('pid'))
  })
})

test('a model sees nothing of the gateway’s environment', async () => {
  const secret = `a-secret-of-the-gateway-${process.pid}`
  process.env.TIDEMARK_INTERNAL_TOKEN = secret
  // A pool of its own: its first process must start while the secret is there.
  const own = new PythonProcesses(() => {})
  try {
    const started = await own.start(modelFolder, LOCK, {})
    const frame = { kind: 'table', columns: ['what'], rows: [['environment']] } as const
    const [answer] = await started.ask([frame])
    assert.ok(answer && 'values' in answer)
    const seen = String(answer.values[0])
    assert.match(seen, /"PATH"/)
    assert.ok(!seen.includes(secret), 'the token is in its environment')
    assert.doesNotMatch(seen, /INTERNAL|DATABASE|postgres/)
  } finally {
    delete process.env.TIDEMARK_INTERNAL_TOKEN
    await own.close()
  }
})

test('a model that looks around reads and writes nothing of the gateway, its own folder can only be read', {
  skip: asRoot ? false : 'as an ordinary user model code is that user: nothing of its own is closed to it',
}, async () => {
  const data = mkdtempSync(join(tmpdir(), 'tidemark-data-'))
  try {
    chmodSync(data, 0o711)
    const [log, token] = [join(data, 'log'), join(data, 'internal-token')]
    mkdirSync(log, { mode: 0o700 })
    writeFileSync(token, 'secret', { mode: 0o600 })
    const gateway = `/proc/${process.pid}`
    const places = [
      data,
      log,
      token,
      `${gateway}/environ`,
      `${gateway}/fd`,
      `${gateway}/cwd`,
      '/root',
      '/etc/shadow',
      '/etc',
      '/usr/bin',
    ]
    await withModel({}, async (ask) => {
      const done = (await ask(`look ${[...places, modelFolder, join(modelFolder, 'MLmodel')].join('|')}`)) as string
      // What every user of the machine may read, and what it is made of.
      assert.deepEqual(JSON.parse(done), [
        'lists /etc',
        'lists /usr/bin',
        `lists ${modelFolder}`,
        `reads ${join(modelFolder, 'MLmodel')}`,
      ])
    })
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
})

function lives(pid: string): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** Processes and threads of the workers' user. */
function ownedByWorkers(): number {
  const { uid } = workerAccount()
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .reduce((sum, pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        const own = new RegExp(`^Uid:\\s+${uid}\\s`, 'm').test(status)
        return own ? sum + Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0) : sum
      } catch {
        return sum
      }
    }, 0)
}
