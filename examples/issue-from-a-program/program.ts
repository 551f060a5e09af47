/**
 * A program that keeps the certificates of its services fresh: `node program.js DIR NAME...`. It issues what is missing or due, one
 * certificate a name, leaves the others alone, and prints one line each. Providers' credentials come from the environment.
 */
import { type Event, issueMany, isTscertError, readCertificate } from 'tscert';

const [dir, ...names] = process.argv.slice(2);
if (dir === undefined || names.length === 0) {
  console.error('usage: node program.js DIR NAME...');
  process.exit(2);
}

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new Error('stopped')));

const outcomes = await issueMany({
  dir,
  server: process.env.ACME_DIRECTORY ?? 'letsencrypt-staging',
  ...(process.env.ACME_CA_BUNDLE === undefined ? {} : { caBundle: process.env.ACME_CA_BUNDLE }),
  ...(process.env.DNS_SERVER === undefined ? {} : { dnsResolver: process.env.DNS_SERVER, dnsNameserver: process.env.DNS_SERVER }),
  email: 'admin@example.com',
  agreeTos: true,
  dns: 'route53',
  certificates: names.map((name) => ({ domains: [name, `*.${name}`] })),
  signal: stop.signal,
  onEvent: (name: string, event: Event) => {
    if (event.type === 'warning') console.error(`${name}: ${event.message}`);
  },
});

for (const outcome of outcomes) {
  if (outcome.state === 'failed') {
    const { name, error } = outcome;
    console.error(`${name}: ${isTscertError(error) ? error.code : 'failed'}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } else if (outcome.state === 'issued' || outcome.state === 'kept') {
    const { notAfter } = readCertificate(outcome.stored.certificate);
    console.log(`${outcome.name}: ${outcome.state}, ends ${notAfter.toISOString()}, ${outcome.stored.locations.fullchain}`);
  }
}
