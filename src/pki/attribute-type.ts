/** The attribute types of names, with the words that RFC 4514 §3, cert-manager and OpenSSL have for them. */
import { type Der, directoryString, ia5, utf8 } from './der.js';

export interface AttributeType {
  readonly oid: string;
  /** As it is written; the other words are understood too. */
  readonly word: string;
  readonly aliases?: readonly string[];
  readonly encode: (text: string) => Der;
}

const TYPES: readonly AttributeType[] = [
  { oid: '2.5.4.3', word: 'CN', aliases: ['commonName'], encode: directoryString },
  { oid: '2.5.4.6', word: 'C', aliases: ['countryName'], encode: directoryString },
  { oid: '2.5.4.10', word: 'O', aliases: ['organizationName'], encode: directoryString },
  { oid: '2.5.4.11', word: 'OU', aliases: ['organizationalUnitName'], encode: directoryString },
  { oid: '2.5.4.7', word: 'L', aliases: ['localityName'], encode: directoryString },
  { oid: '2.5.4.8', word: 'ST', aliases: ['stateOrProvinceName', 'S'], encode: directoryString },
  { oid: '2.5.4.9', word: 'STREET', aliases: ['streetAddress'], encode: directoryString },
  { oid: '2.5.4.17', word: 'postalCode', encode: directoryString },
  { oid: '2.5.4.5', word: 'serialNumber', encode: directoryString },
  { oid: '0.9.2342.19200300.100.1.25', word: 'DC', aliases: ['domainComponent'], encode: ia5 },
  { oid: '0.9.2342.19200300.100.1.1', word: 'UID', aliases: ['userId'], encode: directoryString },
  { oid: '1.2.840.113549.1.9.1', word: 'emailAddress', aliases: ['E', 'EMAIL'], encode: ia5 },
  { oid: '2.5.4.4', word: 'SN', aliases: ['surname'], encode: directoryString },
  { oid: '2.5.4.42', word: 'GN', aliases: ['givenName'], encode: directoryString },
  { oid: '2.5.4.12', word: 'title', encode: directoryString },
  { oid: '2.5.4.97', word: 'organizationIdentifier', encode: utf8 },
  { oid: '2.5.4.15', word: 'businessCategory', encode: directoryString },
];

const BY_OID = new Map(TYPES.map((type) => [type.oid, type]));
const BY_WORD = new Map(TYPES.flatMap((type) => [type.word, ...(type.aliases ?? [])].map((word) => [word.toLowerCase(), type] as const)));

/** All words, for messages. */
export const ATTRIBUTE_WORDS: readonly string[] = TYPES.map(({ word }) => word);

export function attributeTypeOfWord(word: string): AttributeType | undefined {
  return BY_WORD.get(word.toLowerCase());
}

export function attributeTypeOfOid(oid: string): AttributeType | undefined {
  return BY_OID.get(oid);
}
