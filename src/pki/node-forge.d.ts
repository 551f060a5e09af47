/**
 * node-forge's DER codec alone, as far as it is used: @types/node-forge declares only the whole package, which takes four times
 * as long to load. Bytes are binary strings: one character (0 to 255) a byte.
 */
declare module 'node-forge/lib/asn1.js' {
  export interface Asn1 {
    readonly tagClass: number;
    readonly type: number;
    readonly constructed: boolean;
    readonly composed: boolean;
    readonly value: Asn1[] | string;
  }

  interface Bytes {
    getBytes(): string;
  }

  const codec: {
    toDer(value: Asn1): Bytes;
    fromDer(bytes: string, options: { strict: boolean; parseAllBytes: boolean; decodeBitStrings: boolean; maxDepth: number }): Asn1;
    oidToDer(dotted: string): Bytes;
    derToOid(bytes: string): string;
  };
  export default codec;
}
