/** `durable`: acknowledged means on disk. `throwaway`: for tests, nothing survives a power cut. */
export type Durability = 'durable' | 'throwaway'

/** Measured: 15 MB idle and 30 MB with four connections, against 25 MB idle with PostgreSQL's own settings. */
const SMALL = {
  shared_buffers: '64MB',
  max_connections: '40',
  jit: 'off',
  // The connections and the queue live in one process: no parallel workers, no replication.
  wal_level: 'minimal',
  max_wal_senders: '0',
  wal_buffers: '1MB',
  min_wal_size: '32MB',
  max_wal_size: '256MB',
  max_worker_processes: '0',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  autovacuum_max_workers: '1',
  autovacuum_worker_slots: '2',
  io_method: 'sync',
  // After a crash one call instead of an fsync of each of 1,300 files: ready after 0.1 s instead of 2.6 s on a slow disk.
  recovery_init_sync_method: 'syncfs',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
}

const DURABLE = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' }
const THROWAWAY = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  // A failed statement is often what a test wants: its log would hide real trouble.
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
}

/** The server's arguments: only a Unix socket, no TCP port that another user or a browser could reach. */
export function serverArguments(
  place: { cluster: string; socketDir: string; clusterName: string },
  durability: Durability,
): string[] {
  const settings: Record<string, string> = {
    ...SMALL,
    ...(durability === 'durable' ? DURABLE : THROWAWAY),
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: place.socketDir,
    unix_socket_permissions: '0700',
    cluster_name: place.clusterName,
  }
  return ['-D', place.cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}
