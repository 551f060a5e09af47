/** The version of this package; the build puts it in (scripts/define.mjs). */
declare const TSCERT_VERSION: string;

export const VERSION = TSCERT_VERSION;
