import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { isLoopback } from '@tidemark/process'
import { cliError } from './errors.ts'

/** Every setting of the platform: this table makes the flags, the variables, the file's keys and the help. */
export const SETTINGS = {
  port: { flag: 'port', variable: 'TIDEMARK_PORT', form: 'N', summary: 'port of API and UI (default 5000)' },
  gatewayPort: {
    flag: 'gateway-port',
    variable: 'TIDEMARK_GATEWAY_PORT',
    form: 'N',
    summary: 'port of the gateway (default: port + 1)',
  },
  host: {
    flag: 'host',
    variable: 'TIDEMARK_HOST',
    form: 'ADDRESS',
    summary: 'address to listen on (default 127.0.0.1); other machines reach it only with --login',
  },
  login: {
    flag: 'login',
    variable: 'TIDEMARK_LOGIN',
    form: '',
    summary: 'ask everybody who they are; the first start prints a token for the first admin, once',
  },
  allowedHosts: {
    flag: 'allowed-hosts',
    variable: 'TIDEMARK_ALLOWED_HOSTS',
    form: 'NAMES',
    summary: 'further exact values of Host that are answered, as a.example:5000,b.example',
  },
  data: { flag: 'data', variable: 'TIDEMARK_DATA', form: 'DIR', summary: 'folder of all state (default .local/data)' },
  defaultEndpoint: {
    flag: 'default-endpoint',
    variable: 'TIDEMARK_DEFAULT_ENDPOINT',
    form: 'NAME',
    summary: "endpoint that the gateway's root serves (default: the only one)",
  },
  databaseUrl: {
    flag: 'database-url',
    variable: 'DATABASE_URL',
    form: 'URL',
    summary: 'a PostgreSQL 15 or newer to use instead of the embedded one',
  },
  logLevel: {
    flag: 'log-level',
    variable: 'TIDEMARK_LOG_LEVEL',
    form: 'LEVEL',
    summary: 'how much is logged (default info)',
  },
  devReset: {
    flag: 'dev-reset',
    variable: 'TIDEMARK_DEV_RESET',
    form: '',
    summary: 'for tests only: POST /__reset empties everything',
  },
  devLoopbackWebhooks: {
    flag: 'dev-loopback-webhooks',
    variable: 'TIDEMARK_DEV_LOOPBACK_WEBHOOKS',
    form: '',
    summary: 'for tests only: webhooks may call http addresses of this machine',
  },
} as const satisfies Record<string, Setting>

/** One setting. Without a form it is a switch: the flag alone turns it on. */
interface Setting {
  readonly flag: string
  readonly variable: string
  readonly form: string
  readonly summary: string
}

export type SettingName = keyof typeof SETTINGS
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** The settings of a platform, complete and checked. */
export interface PlatformSettings {
  readonly port: number
  readonly gatewayPort: number
  readonly host: string
  /** Absolute. */
  readonly dataDir: string
  readonly logLevel: LogLevel
  readonly defaultEndpoint?: string
  readonly databaseUrl?: string
  readonly login?: true
  readonly allowedHosts?: readonly string[]
  readonly devReset?: true
  readonly devLoopbackWebhooks?: true
}

/** The texts of one source, and how messages name it. */
interface Source {
  readonly texts: Partial<Record<SettingName, string>>
  name(setting: SettingName): string
}

export const FILE_NAME = 'tidemark.config.json'

function isSetting(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key)
}

/** @throws WRONG_FILE */
function fileSource(file: string): Source {
  const texts: Source['texts'] = {}
  if (existsSync(file)) {
    let content: unknown
    try {
      content = JSON.parse(readFileSync(file, 'utf8'))
    } catch (error) {
      throw cliError('WRONG_FILE', file, `cannot be read (${error instanceof Error ? error.message : String(error)})`)
    }
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      throw cliError('WRONG_FILE', file, 'must hold one JSON object')
    }
    for (const [key, value] of Object.entries(content)) {
      if (!isSetting(key)) {
        throw cliError('WRONG_FILE', file, `has an unknown key "${key}"; known are ${Object.keys(SETTINGS).join(', ')}`)
      }
      const isSwitch = SETTINGS[key].form === ''
      if (isSwitch ? typeof value !== 'boolean' : typeof value !== 'string' && typeof value !== 'number') {
        throw cliError('WRONG_FILE', file, `must give ${key} as ${isSwitch ? 'true or false' : 'a text or a number'}`)
      }
      texts[key] = String(value)
    }
  }
  return { texts, name: (setting) => `"${setting}" in ${file}` }
}

function environmentSource(environment: NodeJS.ProcessEnv): Source {
  const texts: Source['texts'] = {}
  for (const [key, { variable }] of Object.entries(SETTINGS)) {
    const text = environment[variable]
    if (text && isSetting(key)) texts[key] = text
  }
  return { texts, name: (setting) => `the variable ${SETTINGS[setting].variable}` }
}

/** The texts of the flags, the values of a command's own flags, and its positional arguments. @throws USAGE */
function flagSource(command: string, args: string[]): Source {
  const options = Object.fromEntries(
    Object.values(SETTINGS).map(({ flag, form }) => [
      flag,
      { type: form === '' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  const texts: Source['texts'] = {}
  try {
    const { values } = parseArgs({ args, options, strict: true, allowPositionals: false })
    for (const [key, { flag }] of Object.entries(SETTINGS)) {
      const text = values[flag]
      if (text !== undefined && isSetting(key)) texts[key] = String(text)
    }
  } catch (error) {
    throw cliError('USAGE', error instanceof Error ? error.message : String(error), command)
  }
  return { texts, name: (setting) => `--${SETTINGS[setting].flag}` }
}

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace']

function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535 ? Number(text) : undefined
}

/** Exact values of `Host`: names or addresses, with a port or without; no patterns. */
function parseHosts(text: string): readonly string[] | undefined {
  const hosts = text.split(',').map((host) => host.trim())
  return hosts.every((host) => /^([\w.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/i.test(host)) ? hosts : undefined
}

function parseSwitch(text: string): 'on' | 'off' | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return 'on'
  return /^(false|0|no|off)$/i.test(text) ? 'off' : undefined
}

/** Reads one setting from the strongest source that has it. Messages do not repeat the text: it may hold a password. */
function read<Value>(
  sources: Source[],
  name: SettingName,
  parse: (text: string) => Value | undefined,
  must: string,
): Value | undefined {
  const source = sources.find(({ texts }) => texts[name] !== undefined)
  const text = source?.texts[name]
  if (source === undefined || text === undefined) return undefined
  const value = parse(text)
  if (value === undefined) throw cliError('WRONG_SETTING', source.name(name), must)
  return value
}

/** What settings are read from; the process's own unless a test says otherwise. */
export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv
  readonly workingDir: string
}

/**
 * The platform's settings: flags over environment over `tidemark.config.json` of the data folder over that of the working folder.
 * @param command its name, for messages
 * @param defaults what the command changes, such as the demo's data folder
 * @throws USAGE, WRONG_SETTING, WRONG_FILE
 */
export function readSettings(
  command: string,
  args: string[],
  defaults: { dataDir?: string } = {},
  surroundings: Surroundings = { environment: process.env, workingDir: process.cwd() },
): PlatformSettings {
  const near = fileSource(join(surroundings.workingDir, FILE_NAME))
  const outer = [flagSource(command, args), environmentSource(surroundings.environment), near]
  const folder = (text: string): string | undefined => (text ? resolve(surroundings.workingDir, text) : undefined)
  const dataDir =
    read(outer, 'data', folder, 'must be a folder') ??
    resolve(surroundings.workingDir, defaults.dataDir ?? '.local/data')
  const [flags, environment] = outer
  const inData = fileSource(join(dataDir, FILE_NAME))
  const sources = [flags, environment, inData, near].filter((source) => source !== undefined)

  const port = read(sources, 'port', parsePort, 'must be a port, 1 to 65535') ?? 5000
  const gatewayPort = read(sources, 'gatewayPort', parsePort, 'must be a port, 1 to 65535') ?? port + 1
  if (gatewayPort === port || gatewayPort > 65_535) {
    throw cliError('USAGE', `Server and gateway cannot listen on ${port} and ${gatewayPort}.`, command)
  }
  const text = (value: string): string | undefined => value.trim() || undefined
  const defaultEndpoint = read(sources, 'defaultEndpoint', text, "must be an endpoint's name")
  const databaseUrl = read(
    sources,
    'databaseUrl',
    (value) => (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value) ? value : undefined),
    'must be a URL that begins with postgres://',
  )
  const isOn = (name: SettingName): boolean => read(sources, name, parseSwitch, 'must be true or false') === 'on'
  const isLevel = (value: string): LogLevel | undefined => LEVELS.find((level) => level === value)
  const host =
    read(
      sources,
      'host',
      (value) => (isIP(value) || value === 'localhost' ? value : undefined),
      'must be an IP address, or localhost',
    ) ?? '127.0.0.1'
  const allowedHosts = read(sources, 'allowedHosts', parseHosts, 'must be names as a.example:5000, with commas between')
  if (!isLoopback(host) && !isOn('login')) throw cliError('HOST_WITHOUT_LOGIN', host)
  if (!isLoopback(host) && isOn('devReset')) throw cliError('HOST_WITH_RESET', host)
  return {
    port,
    gatewayPort,
    host,
    dataDir,
    logLevel: read(sources, 'logLevel', isLevel, `must be one of ${LEVELS.join(', ')}`) ?? 'info',
    ...(defaultEndpoint === undefined ? {} : { defaultEndpoint }),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(isOn('login') ? { login: true } : {}),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    ...(isOn('devReset') ? { devReset: true } : {}),
    ...(isOn('devLoopbackWebhooks') ? { devLoopbackWebhooks: true } : {}),
  }
}

/** The flags of the settings, one a line, for a command's help. */
export function settingsHelp(): string {
  const rows = Object.values(SETTINGS).map(
    ({ flag, form, variable, summary }) => [`--${flag} ${form}`.trimEnd(), `${summary} [${variable}]`] as const,
  )
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}
