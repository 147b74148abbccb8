import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MODEL } from '../demo/config.ts'
import { allEvents } from './evidence.ts'
import { type Site, startPlatform } from './platform.ts'
import { runScript } from './python.ts'

let site: Site
before(async () => {
  site = await startPlatform('quickstart')
})
after(() => site.end())

for (const version of [1, 2])
  test(`the quickstart works with the address alone, time ${version}, and leaves version ${version} as champion`, async (t) => {
    const { client, url } = site.connection
    const said = await runScript('test.txt', 'examples/films/quickstart.py', url)
    t.diagnostic(said.trim().split('\n').at(-1) ?? '')
    assert.match(said, new RegExp(`Registered ${MODEL}/${version} as champion, loaded it, same predictions`))
    assert.match(said, /Search found it: RMSE 1\.\d+ on \d+ films/)

    const found = await client.registry.getVersion({ params: { model: MODEL, version } })
    assert.ok(found.files.some(({ path }) => path.endsWith('MLmodel')))
    assert.ok((found.signature?.length ?? 0) > 5, 'the signature names the input columns')
    assert.ok(found.metrics.some(({ key }) => key === 'holdout_rmse'))
    const events = await allEvents(site.connection)
    const champions = events.filter(({ type }) => type === 'registry.alias_set').map(({ payload }) => payload.version)
    assert.deepEqual(champions, version === 1 ? [1] : [1, 2])
  })

test('what the client registers by itself is never rolled out, and the audit trail of it is whole', async () => {
  const { client } = site.connection
  assert.deepEqual((await client.deployments.listRollouts({ query: {} })).rollouts, [])
  const events = await allEvents(site.connection)
  const audit = await client.governance.verifyAudit()
  assert.deepEqual([audit.intact, audit.events], [true, events.length])
  assert.equal(events.filter(({ type }) => type === 'registry.version_registered').length, 2)
})
