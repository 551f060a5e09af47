// A Kubernetes control plane as plain programs, and kubectl: Kubernetes publishes its commands as a module, so that Go builds
// exactly one version, checked by go.sum, with nothing taken from a release page.
import path from 'node:path';
import { findGo, goBuild, Unavailable } from './tools.mjs';

const VERSION = 'v1.36.3';
const COMMANDS = ['kube-apiserver', 'kube-controller-manager', 'kubectl'];

/**
 * Makes sure of etcd, the API server, the controller manager and kubectl.
 * @returns an object of program names to paths
 * @throws {Unavailable}
 */
export async function install(cache) {
  const go = await findGo([1, 26]);
  if (go === undefined) throw new Unavailable('kubernetes is built with Go 1.26 or later, which is not here: https://go.dev/dl/');
  const [, minor] = VERSION.split('.');
  // Without these words the server says v0.0.0-master, and clients that look at the minor version trip.
  const version = { gitVersion: VERSION, gitMajor: '1', gitMinor: minor, gitTreeState: 'clean' };
  const words = Object.entries(version).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  const commands = COMMANDS.map((name) => `k8s.io/kubernetes/cmd/${name}`);
  const etcd = 'go.etcd.io/etcd/server/v3';
  const more = ['-ldflags', ['-s -w', ...words].join(' ')];
  const { v3, ...programs } = await goBuild(cache, go, 'kubernetes', VERSION, [...commands, etcd], more);
  // `go build` names a program after its folder, without the major version.
  return { ...programs, etcd: path.join(path.dirname(v3), 'server') };
}
