// The command lines of tscert and of the peers for one job: a certificate over HTTP-01 from the CA of the bench.
import path from 'node:path';

/** lego's renewal of one certificate, whatever its dates say. */
export function legoRenewal(tools, names, parts) {
  const { args, ...command } = tools.lego(names, parts);
  return { ...command, args: [...args.slice(0, -1), 'renew', '--days', '10000', '--no-random-sleep'] };
}

/** Each gives `{ file, args, env }` for these names; the account is kept in `folder`. */
export function createTools(peers) {
  const tools = {
    tscert: (names, { ca, folder }) => ({
      file: process.execPath,
      args: [
        'bin/tscert.js',
        'issue',
        ...names.flatMap((name) => ['-d', name]),
        '--http',
        `standalone:${ca.httpPort}`,
        '--dir',
        path.join(folder, 'tscert'),
        '--server',
        ca.directory,
        '--ca-bundle',
        ca.caBundle,
        '--dns-resolver',
        ca.resolver,
        '--email',
        'admin@example.com',
        '--agree-tos',
        '--quiet',
      ],
      env: {},
    }),
  };
  if (peers.lego !== undefined) {
    tools.lego = (names, { ca, folder }) => ({
      file: peers.lego,
      args: [
        '--accept-tos',
        '--email',
        'admin@example.com',
        '--server',
        ca.directory,
        '--path',
        path.join(folder, 'lego'),
        '--http',
        '--http.port',
        `:${ca.httpPort}`,
        ...names.flatMap((name) => ['--domains', name]),
        'run',
      ],
      env: { LEGO_CA_CERTIFICATES: ca.caBundle },
    });
  }
  if (peers.certbot !== undefined) {
    tools.certbot = (names, { ca, folder }) => ({
      file: peers.certbot,
      args: [
        'certonly',
        '--standalone',
        '--non-interactive',
        '--agree-tos',
        '-m',
        'admin@example.com',
        '--http-01-port',
        String(ca.httpPort),
        '--server',
        ca.directory,
        ...['config', 'work', 'logs'].flatMap((kind) => [`--${kind}-dir`, path.join(folder, 'certbot', kind)]),
        ...names.flatMap((name) => ['-d', name]),
      ],
      env: { REQUESTS_CA_BUNDLE: ca.caBundle },
    });
  }
  return tools;
}
