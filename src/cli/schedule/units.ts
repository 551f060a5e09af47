/**
 * Units of systemd: a service and its timer for `renew`, or one service for `watch`. They run in a sandbox: the system is read-only but for
 * what certificates need, no new privileges, and of root's capabilities only those that are used.
 */
import { type CommandLine, checkFit, markedFile, type ScheduleFile } from './file.js';
import type { Needs } from './needs.js';

export interface UnitOptions {
  readonly command: CommandLine;
  /** Absolute. */
  readonly dataFolder: string;
  readonly user: string;
  readonly needs: Needs;
}

/** What a program of others, run as root, may do to files and processes that are not root's. */
const HOOK_CAPABILITIES = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID'];
const PORT_CAPABILITY = 'CAP_NET_BIND_SERVICE';

/** `tscert-renew.service` and its timer, twice a day. */
export function renewUnits(options: UnitOptions): ScheduleFile[] {
  const service = [
    ...about('Renew TLS certificates that are due', 'tscert-renew.service'),
    '',
    '[Service]',
    'Type=oneshot',
    ...execution(options),
    // 5: rate limited, paused, or another run is at it. The next run tries again.
    'SuccessExitStatus=5',
    // A run ends by itself; one that hangs would keep the timer from starting the next.
    'TimeoutStartSec=6h',
    ...sandbox(options),
  ];
  const timer = [
    '[Unit]',
    'Description=Renew TLS certificates that are due, twice a day',
    '',
    '[Timer]',
    '# At any minute of twelve hours, always the same one on this machine; what was missed while it was off is made up for.',
    'OnCalendar=*-*-* 00,12:00:00',
    'RandomizedDelaySec=12h',
    'FixedRandomDelay=yes',
    'Persistent=yes',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ];
  return [markedFile('tscert-renew.service', service), markedFile('tscert-renew.timer', timer)];
}

/** `tscert-watch.service`, which runs all the time. */
export function watchUnits(options: UnitOptions): ScheduleFile[] {
  const service = [
    ...about('Renew TLS certificates whenever one is due', 'tscert-watch.service'),
    '',
    '[Service]',
    'Type=exec',
    ...execution(options),
    '# systemctl reload tscert-watch reads the configuration again.',
    'ExecReload=/bin/kill -HUP $MAINPID',
    'Restart=on-failure',
    'RestartSec=30s',
    'TimeoutStopSec=2min',
    ...sandbox(options),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  return [markedFile('tscert-watch.service', service)];
}

function about(description: string, unit: string): string[] {
  return [
    `# Changes of your own belong into a drop-in: systemctl edit ${unit}`,
    '[Unit]',
    `Description=${description}`,
    'Wants=network-online.target',
    'After=network-online.target nss-lookup.target',
  ];
}

function execution({ command, dataFolder, user }: UnitOptions): string[] {
  const [program = '', ...args] = [command.node, command.script, ...command.args].map((word) => checkFit(word, 'argument'));
  return [
    `User=${user}`,
    `ExecStart=${[quoted(program), ...args.map((word) => quoted(word).replaceAll('$', '$$$$'))].join(' ')}`,
    '# Credentials of DNS providers that stand in no configuration: NAME=value, a line each; mode 0600.',
    `EnvironmentFile=-${withoutSpecifiers(`${checkFit(dataFolder, 'folder')}/environment`)}`,
    // Hooks finish what they are at.
    'KillMode=mixed',
  ];
}

function sandbox({ dataFolder, user, needs }: UnitOptions): string[] {
  const isRoot = user === 'root';
  const capabilities = [...(isRoot && needs.hooks ? HOOK_CAPABILITIES : []), ...(needs.ports ? [PORT_CAPABILITY] : [])].sort();
  return [
    '',
    `CapabilityBoundingSet=${capabilities.join(' ')}`,
    ...(isRoot || !needs.ports ? [] : [`AmbientCapabilities=${PORT_CAPABILITY}`]),
    'NoNewPrivileges=yes',
    needs.hooks
      ? '# Deploy hooks may write to /var, /run, /srv and /opt; elsewhere only to what stands in ReadWritePaths.'
      : '# Nothing is written outside ReadWritePaths.',
    `ProtectSystem=${needs.hooks ? 'full' : 'strict'}`,
    `ReadWritePaths=${[dataFolder, ...needs.folders].map((folder) => quoted(checkFit(folder, 'folder'))).join(' ')}`,
    ...ALWAYS,
  ];
}

/** MemoryDenyWriteExecute is not among them: the compiler of Node.js writes what it executes. */
const ALWAYS: readonly string[] = [
  'ProtectHome=read-only',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectProc=invisible',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'KeyringMode=private',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallErrorNumber=EPERM',
  'UMask=0077',
];

/** A word of a unit: in quotes where it has more than plain characters, its percent signs no specifiers. */
function quoted(word: string): string {
  const text = withoutSpecifiers(word);
  return /^[\w%+,./:=@$-]+$/.test(text) ? text : `"${text}"`;
}

function withoutSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
