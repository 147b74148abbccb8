// Boundaries of DESIGN: dependencies point one way. `tools/check.ts` also asserts that modules were read at all.
const modules =
  'batch|data|experiments|pipelines|registry|evaluation|deployments|monitoring|automation|governance|identity|imports|replays|retention|traffic|webhooks'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'a-module-is-entered-by-its-index',
      severity: 'error',
      comment: 'Other modules are used through their index.ts; only the composition root may look further.',
      from: { path: `^apps/server/src/(${modules})/`, pathNot: String.raw`\.test\.ts$` },
      to: {
        path: `^apps/server/src/(${modules})/`,
        pathNot: [
          '^apps/server/src/$1/',
          `^apps/server/src/(${modules})/index\\.ts$`,
          '^apps/server/src/deployments/gateways/index\\.ts$',
        ],
      },
    },
    {
      name: 'platform-knows-no-module',
      severity: 'error',
      from: { path: '^apps/server/src/platform/', pathNot: String.raw`(testing|\.test)\.ts$` },
      to: { path: `^apps/server/src/((${modules})/|server\\.ts|reactions\\.ts)` },
    },
    // That a decide.ts is pure is checked by tools/graph.ts: a rule here sees one import at a time, would refuse a pure file beside it, and
    // would not see what a file that it lets in imports in turn.
    {
      name: 'statistics-import-nothing',
      severity: 'error',
      from: { path: '^packages/statistics/src', pathNot: String.raw`\.test\.ts$` },
      to: { pathNot: '^packages/statistics/src' },
    },
    {
      name: 'contracts-import-only-zod',
      severity: 'error',
      from: { path: '^packages/contracts/src', pathNot: String.raw`\.test\.ts$` },
      to: { pathNot: ['^packages/contracts/src', 'node_modules/zod'] },
    },
    {
      name: 'the-gateway-never-imports-the-server',
      severity: 'error',
      from: { path: '^apps/gateway' },
      to: { path: '^apps/(server|cli|web)' },
    },
    {
      name: 'clients-know-only-contracts',
      severity: 'error',
      from: { path: '^apps/(web|cli)/', pathNot: [String.raw`\.(test|journey)\.ts$`, '^apps/web/test/'] },
      to: { path: '^apps/(server|gateway)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@tidemark/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.json', '.css'],
    },
  },
}
