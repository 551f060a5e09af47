/**
 * Runs every transcript: what the command prints and how it ends must be what stands there. With TRANSCRIPTS=write in the environment
 * the files are rewritten instead; then each change is to be looked at.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commandEnvironment } from '../support/command.js';
import { whyNoPebble } from '../support/pebble.js';
import { type Case, type Result, readTranscript, withPlaceholders, writeTranscript } from './transcript.js';
import { closeWorlds, worldOf } from './worlds.js';

const FOLDER = 'test/transcripts';
const isWriting = process.env.TRANSCRIPTS === 'write';
const only = process.env.TRANSCRIPTS_ONLY ?? '';

/** What would be a library's or Node.js's own noise, or a value that was never meant for people. */
const NOISE =
  /\bat .+:\d+:\d+\)|node:internal|\(node:\d+\)|DeprecationWarning|\bDEP\d{4}\b|\[object |\bundefined\b|\bNaN\b|(Type|Reference|Range)Error/;

const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.txt') && file.includes(only)).sort();
const transcripts = await Promise.all(
  files.map(async (file) => ({ file, ...readTranscript(await readFile(path.join(FOLDER, file), 'utf8')) })),
);

/** Stages of a run overlap, and how often something is waited for depends on the machine: the lines of the stages in any order, each once. */
function comparable({ stdout, stderr, exit }: Result): unknown {
  const isStage = (line: string): boolean => /^tscert: \S+: /.test(line) && !line.startsWith('tscert: error: ');
  const lines = stderr.split('\n').filter((line) => !line.endsWith('; waiting <duration>'));
  return {
    stdout: stdout
      .replace(/^( {2}took +)(.*)$/m, (_, head: string, stages: string) => head + stages.split(', ').sort().join(', '))
      .replace(/"stages": \[[^\]]*\]/, (list) =>
        [...list.matchAll(/"stage": "(.*)"/g)]
          .map(([, stage]) => stage)
          .sort()
          .join(' '),
      ),
    stages: [...new Set(lines.filter(isStage))].sort(),
    stderr: lines.filter((line) => !isStage(line)),
    exit,
  };
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sh(script: string, cwd: string, env: Readonly<Record<string, string>>): Promise<Ran> {
  const child = spawn('/bin/sh', ['-c', script], { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

describe('transcripts', () => {
  let folder: string;
  before(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), 'tscert-transcripts-')));
    const bin = path.join(folder, 'bin');
    await mkdir(bin);
    await writeFile(path.join(bin, 'tscert'), `#!/bin/sh\nexec "${process.execPath}" "${process.env.TSCERT_TEST_BIN}" "$@"\n`, {
      mode: 0o755,
    });
  });
  after(async () => {
    await closeWorlds();
    await rm(folder, { recursive: true, force: true });
  });

  async function play(one: Case, worlds: readonly string[]): Promise<Result> {
    const { env, values } = await worldOf(worlds, folder);
    const here = await mkdtemp(path.join(folder, 'case-'));
    const home = { HERE: here, HOME: here, TSCERT_DIR: path.join(here, 'data') };
    const base = commandEnvironment({ AWS_EC2_METADATA_DISABLED: 'true', ...env, ...values, ...home });
    const all = { ...base, PATH: `${path.join(folder, 'bin')}:${base.PATH}` };
    for (const preparation of one.preparations) {
      const { code, stderr } = await sh(preparation, here, all);
      assert.equal(code, 0, `${preparation}: ${stderr}`);
    }
    const { code, stdout, stderr } = await sh(one.command, here, all);
    await rm(here, { recursive: true, force: true });
    const show = (text: string): string => withPlaceholders(text, { ...values, HERE: here });
    return { stdout: show(stdout), stderr: show(stderr), exit: code };
  }

  for (const { file, ...transcript } of transcripts) {
    describe(`${file}: ${transcript.title}`, { concurrency: 2 }, async () => {
      const skip = transcript.worlds.some((world) => world.startsWith('pebble')) ? await whyNoPebble() : false;
      const results: Result[] = [];
      transcript.cases.forEach((one, at) => {
        test(one.title, { skip }, async () => {
          const result = await play(one, transcript.worlds);
          results[at] = result;
          if (!one.command.includes('--verbose')) assert.doesNotMatch(result.stderr, NOISE);
          if (!isWriting) assert.deepEqual(comparable(result), comparable(one.expected));
        });
      });
      if (isWriting) after(() => writeFile(path.join(FOLDER, file), writeTranscript(transcript, results)));
    });
  }

  test('there are at least forty of bad input', { skip: only !== '' }, () => {
    const bad = transcripts.flatMap(({ cases }) => cases).filter(({ expected }) => expected.exit !== 0);
    assert.ok(bad.length >= 40, `only ${bad.length}`);
  });

  test('every message of a failure begins with the name of the command', { skip: isWriting }, () => {
    for (const { cases } of transcripts) {
      for (const { title, command, expected } of cases) {
        // Help where a command is missing, what inspect finds unreadable, what diagnose finds broken and what waits for a person are answers.
        const isAnswer = /^tscert( account)?$/.test(command) || /^(Not readable|…|certificate \S+: broken at )/.test(expected.stdout);
        if (expected.exit === 0 || isAnswer || command.includes('--json')) continue;
        assert.match(expected.stderr, /^tscert: (.*: )?error: /m, title);
      }
    }
  });

  test('written and read again, a transcript is the same', () => {
    for (const { file, ...transcript } of transcripts) {
      const again = readTranscript(writeTranscript(transcript, []));
      assert.deepEqual(again, transcript, file);
    }
  });
});
