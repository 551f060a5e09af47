/** The authority behind the server: a root, an intermediate, what was issued, and when it is to be renewed (RFC 9773). */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/base/clock.js';
import { parseName } from '../../../src/base/names.js';
import { createCertificate } from '../../../src/pki/certificate.js';
import { keyIdentifier } from '../../../src/pki/key.js';
import { distinguishedNameOf } from '../../../src/pki/subject.js';
import { AcmeProblem, malformed, notFound, unauthorized } from './problem.js';

/** When a certificate is to be renewed. Milliseconds since the epoch. */
export interface RenewalWindow {
  readonly start: number;
  readonly end: number;
  readonly explanationUrl?: string;
}

export interface IssuedCertificate {
  /** Lower-case hex. */
  readonly serial: string;
  /** RFC 9773 §4.1. */
  readonly id: string;
  readonly account: number;
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** PEM: leaf and intermediate. */
  readonly chain: string;
  readonly der: Buffer;
  readonly publicKey: KeyObject;
  /** What was decided otherwise than by the dates. */
  window: RenewalWindow | undefined;
  isRevoked: boolean;
  /** An order that replaces it was finalized. */
  isReplaced: boolean;
}

export interface Certificates {
  /** PEM of the root. */
  readonly root: string;
  issue(wanted: {
    readonly account: number;
    readonly names: readonly string[];
    readonly publicKey: KeyObject;
    readonly lifetime: number;
  }): IssuedCertificate;
  bySerial(serial: string): IssuedCertificate | undefined;
  /** The certificate that a certificate id names: refused when the id is none, or from another authority. */
  byId(id: string, doing: string): { readonly serial: string; readonly certificate: IssuedCertificate | undefined };
  windowOf(certificate: IssuedCertificate): RenewalWindow;
  /** Revokes the certificate in DER for a reason of RFC 5280 §5.3.1. */
  revoke(der: Buffer, reason: unknown, mayRevoke: (certificate: IssuedCertificate) => boolean): IssuedCertificate;
  all(): IterableIterator<IssuedCertificate>;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
/** Let's Encrypt dates its certificates back. */
const BACKDATE = HOUR;
const REASONS: readonly unknown[] = [undefined, 0, 1, 4, 5];

export function createCertificates(clock: Clock): Certificates {
  const start = clock.now();
  const rootKey = newKey();
  const key = newKey();
  const [rootName, name] = ['Simulated Root', 'Simulated Intermediate'].map((commonName) => distinguishedNameOf(commonName, undefined));
  const dates = { notBefore: new Date(start - DAY), notAfter: new Date(start + 3_650 * DAY) };
  const ca = { ...dates, names: [], isCa: true, usages: ['cert sign', 'crl sign'] } as const;
  const root = createCertificate({ ...ca, commonName: 'Simulated Root', serialNumber: newSerial() }, rootKey);
  const intermediate = createCertificate({ ...ca, pathLength: 0, commonName: 'Simulated Intermediate', serialNumber: newSerial() }, key, {
    name: rootName ?? [],
    key: rootKey,
  });
  const issuer = { name: name ?? [], key };
  const authorityKeyId = keyIdentifier(key).toString('base64url');
  const known = new Map<string, IssuedCertificate>();

  return {
    root: root.pem,
    issue({ account, names, publicKey, lifetime }) {
      const serialNumber = newSerial();
      const notBefore = Math.floor((clock.now() - BACKDATE) / 1_000) * 1_000;
      const notAfter = notBefore + lifetime - 1_000;
      const { der, pem } = createCertificate(
        {
          names: names.map(parseName),
          usages: ['digital signature', 'server auth'],
          serialNumber,
          notBefore: new Date(notBefore),
          notAfter: new Date(notAfter),
        },
        publicKey,
        issuer,
      );
      const certificate: IssuedCertificate = {
        serial: serialNumber.toString('hex'),
        id: `${authorityKeyId}.${serialNumber.toString('base64url')}`,
        ...{ account, names, notBefore, notAfter, der, publicKey },
        chain: `${pem}${intermediate.pem}`,
        window: undefined,
        isRevoked: false,
        isReplaced: false,
      };
      known.set(certificate.serial, certificate);
      return certificate;
    },
    bySerial: (serial) => known.get(serial),
    byId(id, doing) {
      const [keyId = '', serialText = '', ...more] = id.split('.');
      if (keyId === '' || serialText === '' || more.length > 0) throw malformed(`${doing} :: Invalid path`);
      if (!isBase64Url(keyId)) throw malformed(`${doing} :: Authority Key Identifier was not base64url-encoded or contained padding`);
      if (keyId !== authorityKeyId) {
        throw notFound(`${doing} :: path contained an Authority Key Identifier that did not match a known issuer`);
      }
      if (!isBase64Url(serialText)) throw notFound(`${doing} :: serial number was not base64url-encoded or contained padding`);
      const serial = Buffer.from(serialText, 'base64url').toString('hex');
      return { serial, certificate: known.get(serial) };
    },
    windowOf(certificate) {
      if (certificate.window !== undefined) return certificate.window;
      return certificate.isRevoked ? immediately(clock.now()) : usualWindow(certificate);
    },
    revoke(der, reason, mayRevoke) {
      const doing = 'Unable to revoke';
      const certificate = [...known.values()].find((one) => one.der.equals(der));
      if (certificate === undefined) throw notFound(`${doing} :: No such certificate`);
      if (certificate.notAfter < clock.now()) throw unauthorized(`${doing} :: Certificate is expired`);
      if (!REASONS.includes(reason))
        throw new AcmeProblem(400, 'badRevocationReason', `${doing} :: disallowed revocation reason: ${reason}`);
      if (!mayRevoke(certificate)) {
        throw unauthorized(`${doing} :: requester does not control all identifiers in cert with serial "${certificate.serial}"`);
      }
      if (certificate.isRevoked) {
        throw new AcmeProblem(400, 'alreadyRevoked', `${doing} :: Certificate with serial "${certificate.serial}" is already revoked`);
      }
      certificate.isRevoked = true;
      return certificate;
    },
    all: () => known.values(),
  };
}

/**
 * Boulder's RenewalInfoSimple: 2 % of the lifetime around two thirds of it, or around its half when it is shorter than ten days.
 */
export function usualWindow({ notBefore, notAfter }: Pick<IssuedCertificate, 'notBefore' | 'notAfter'>): RenewalWindow {
  const lifetime = notAfter + 1_000 - notBefore;
  const ideal = notAfter - lifetime / (lifetime < 10 * DAY ? 2 : 3);
  const margin = lifetime / 100;
  return { start: toSecond(ideal - margin), end: toSecond(ideal + margin) };
}

/** Boulder's RenewalInfoImmediate: a window that is over already. */
export function immediately(now: number, explanationUrl?: string): RenewalWindow {
  const start = toSecond(now - HOUR);
  return { start, end: start + HOUR / 2, ...(explanationUrl === undefined ? {} : { explanationUrl }) };
}

const toSecond = (milliseconds: number): number => Math.floor(milliseconds / 1_000) * 1_000;
const isBase64Url = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text;

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** 18 octets, as Let's Encrypt's are, and positive. */
function newSerial(): Buffer {
  return Buffer.concat([Buffer.of(3), randomBytes(17)]);
}
