/**
 * Told before the contracts are read: zod must not try whether it may compile code, because the page's content policy refuses that, and the browser
 * reports each refusal as an error. Imported first of all.
 */
const shared = globalThis as { __zod_globalConfig?: { jitless?: boolean } }
shared.__zod_globalConfig = { ...shared.__zod_globalConfig, jitless: true }
