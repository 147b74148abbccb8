import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { runToEnd } from '../demo/pipeline-run.ts'
import { startPlatform } from './platform.ts'

// Says what it could do of all that it was asked to try, and its whole environment.
const STEP = `
import os
from pathlib import Path

def reads(path):
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            Path(path).read_bytes()
        return True
    except OSError:
        return False

def writes(path):
    try:
        (Path(path) / "planted").write_text("x")
        return True
    except OSError:
        return False

def signals(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False

def look(ctx):
    paths = ctx.params["paths"].split("|")
    pids = [int(pid) for pid in ctx.params["pids"].split("|")]
    done = [f"read {path}" for path in paths if reads(path)]
    done += [f"wrote below {path}" for path in paths if os.path.isdir(path) and writes(path)]
    done += [f"read the environment of {pid}" for pid in pids if reads(f"/proc/{pid}/environ")]
    done += [f"may signal {pid}" for pid in pids if signals(pid)]
    environment = "\\n".join(f"{name}={value}" for name, value in os.environ.items())
    return {"done": "; ".join(done), "environment": environment, "uid": os.getuid(), "itself": reads(f"/proc/{os.getpid()}/environ")}
`

const asRoot =
  process.getuid?.() === 0 || 'as an ordinary user the workers are that user: nothing of its own is closed to them'

test('a step reads, writes and signals nothing of the platform, and knows none of its secrets', {
  skip: asRoot === true ? false : asRoot,
}, async () => {
  const site = await startPlatform('containment')
  try {
    const { client, url } = site.connection
    const { dataDir } = site.platform
    const { server, gateway, database } = site.platform.pids()
    const paths = [
      ...[
        'postgres',
        'postgres/cluster',
        'postgres/cluster/PG_VERSION',
        'run',
        'run/internal-token',
        'run/platform.json',
      ],
      ...['logs', 'logs/server.log', 'logs/postgres.log', 'blobs', 'log'],
    ].map((path) => join(dataDir, path))
    const secrets = paths.filter((path) => existsSync(path))
    for (const must of ['postgres/cluster/PG_VERSION', 'run/internal-token'])
      assert.ok(secrets.includes(join(dataDir, must)), `${must} is where this test looks`)
    await client.pipelines.applyPipeline({
      params: { pipeline: 'looking' },
      body: {
        definition: {
          name: 'looking',
          parameters: { paths: '', pids: '' },
          steps: [{ name: 'look', entry: 'looking:look', parameters: ['paths', 'pids'] }],
        },
        files: [{ path: 'looking.py', text: STEP }],
        lock: '# No packages: the step uses the standard library.\n',
      },
    })
    const pids = [server, gateway, database, process.pid].join('|')
    const run = await runToEnd({ platform: site.connection }, 'looking', {
      paths: secrets.join('|'),
      pids,
    })
    const Seen = z.object({ done: z.string(), environment: z.string(), uid: z.int(), itself: z.boolean() })
    const seen = Seen.parse(run.steps[0]?.result)
    assert.equal(seen.done, '')
    assert.equal(seen.itself, true, 'the step can read what is its own, so the refusals are refusals')
    assert.equal(seen.uid, 64_101)
    const token = readFileSync(join(dataDir, 'run/internal-token'), 'utf8').trim()
    assert.ok(token.length >= 32 && !seen.environment.includes(token), 'the internal token is in its environment')
    assert.doesNotMatch(seen.environment, /DATABASE|INTERNAL|postgres(ql)?:\/\//)
    assert.ok(seen.environment.includes(`TIDEMARK_URL=${url}`))
  } finally {
    await site.end()
  }
})
