// Before any module: zod must not try whether it may compile code. The page's content policy refuses that, and the browser reports each refusal as an error.
globalThis.__zod_globalConfig = { jitless: true }
