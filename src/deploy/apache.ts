/** Apache: `apachectl configtest`, then `systemctl reload` of its unit or `apachectl graceful`. */
import type { Recipe } from './server.js';

export const apache: Recipe = {
  title: 'apache',
  programs: ['apachectl', 'apache2ctl'],
  units: ['apache2', 'httpd'],
  // Words of apachectl itself take no file beside them; what begins with a dash goes to the server.
  test: ({ config }) => (config === undefined ? ['configtest'] : ['-f', config, '-t']),
  reload: ({ config }, _program, run) => run(config === undefined ? ['graceful'] : ['-f', config, '-k', 'graceful']),
};
