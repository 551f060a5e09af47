/** The fenced blocks of a Markdown file. */
import { readFileSync } from 'node:fs';

export interface Block {
  /** `sh`, `yaml`, `ts`; empty when there is none. */
  readonly language: string;
  /** What stands behind the language: `exit 2`, `skip (why)`. */
  readonly info: string;
  readonly text: string;
  /** `README.md:12`. */
  readonly place: string;
}

/** The files that users read: README.md and docs, without the house's own pages. */
export const PAGES = [
  'README.md',
  'docs/configuration.md',
  'docs/deploy.md',
  'docs/diagnose.md',
  'docs/files-and-recovery.md',
  'docs/in-the-cluster.md',
  'docs/kubernetes.md',
  'docs/library.md',
  'docs/monitoring.md',
  'docs/moving-in.md',
  'docs/providers.md',
  'docs/revocation.md',
  'docs/running.md',
  'docs/secrets.md',
] as const;

export function blocksOf(file: string): Block[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```(\w*)[ ]?(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', info = '', content = ''], at, all) => {
    const index = all[at]?.index ?? 0;
    return { language, info, text: content, place: `${file}:${text.slice(0, index).split('\n').length}` };
  });
}
