// A server with galleries in a temporary folder.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = process.env.GALLERIST_PROGRAM;
const START_MS = 60_000;

/** Starts a server with empty galleries. The result has `url`, `token`, `makeToken(name, scope)`, `api(method, path, body)` and `stop()`. */
export async function startServer({ galleries = ['main'], keepPhotos = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'gallerist-browser-'));
  const paths = galleries.map((name) => join(folder, name));
  const tokens = join(folder, 'tokens.json');
  const env = { ...process.env, XDG_STATE_HOME: folder };
  for (const path of paths) execFileSync(PROGRAM, ['init', path], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const options = ['--bind', '127.0.0.1:0', '--tokens', tokens, ...(keepPhotos ? ['--keep-photos'] : [])];
  const child = spawn(PROGRAM, ['serve', ...paths, ...options], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => {
    child.on('exit', resolve);
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { url, token } = await address(child);
    /** Makes a token with a scope. */
    const makeToken = (name, scope) =>
      execFileSync(PROGRAM, ['token', 'make', name, '--scope', scope, '--tokens', tokens], {
        env,
        encoding: 'utf8',
      }).trim();
    const server = { url, token, makeToken, stop, api: (method, path, body) => api(url, token, method, path, body) };
    await ready(url);
    return server;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address with the token, from what the server prints. */
function address(child) {
  return new Promise((resolve, reject) => {
    let printed = '';
    const timer = setTimeout(() => reject(new Error(`the server printed no address:\n${printed}`)), START_MS);
    const read = (chunk) => {
      printed += chunk;
      const match = /(http:\/\/127\.0\.0\.1:\d+)\/#token=([\w.~-]+)/u.exec(printed);
      if (!match) return;
      clearTimeout(timer);
      resolve({ url: match[1], token: match[2] });
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}:\n${printed}`));
    });
  });
}

async function ready(url) {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    const response = await fetch(`${url}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  throw new Error('the server did not become ready');
}

async function api(url, token, method, path, body) {
  const isForm = body instanceof FormData;
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body && !isForm ? { 'content-type': 'application/json' } : {}),
  };
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers,
    body: isForm ? body : body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}
