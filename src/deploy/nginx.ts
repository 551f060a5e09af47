/** nginx: `nginx -t`, then `systemctl reload nginx` or `nginx -s reload`. A reload keeps the old workers when it cannot be done. */
import type { ServerRequest } from '../request/request.js';
import type { Recipe } from './server.js';

export const nginx: Recipe = {
  title: 'nginx',
  programs: ['nginx'],
  units: ['nginx'],
  test: (request) => ['-t', ...fileOf(request)],
  reload: (request, _program, run) => run(['-s', 'reload', ...fileOf(request)]),
};

function fileOf({ config }: ServerRequest): string[] {
  return config === undefined ? [] : ['-c', config];
}
