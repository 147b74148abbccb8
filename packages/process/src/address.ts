import { isIP } from 'node:net'
import type { Names } from './source.ts'

const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The URL under which this machine reaches what listens at a host and port: the loopback one for all addresses, brackets for IPv6. */
export function addressOf(host: string, port: number): string {
  return `http://${nameOf(WILDCARDS[host] ?? host, port)}`
}

function nameOf(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/**
 * Every name that a server answers to: the loopback names of its port, the address that it listens on, and what its owner named.
 * @param named exact values of `Host`, as `models.example:5000`; without a port for a proxy at the default one
 */
export function serverNames(host: string, port: number, named: readonly string[] = []): Names {
  const own = host in WILDCARDS ? [] : [nameOf(host, port)]
  return {
    hosts: new Set([`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, ...own, ...named]),
    named: new Set(named),
  }
}
