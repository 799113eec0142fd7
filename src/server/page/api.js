// Requests to the server, and its errors.

/** A refused or failed request: the fields of `application/problem+json`, and `retryAfter` in seconds. */
export class Problem extends Error {
  constructor(
    { status = 0, code = null, id = null, title = '', detail = '', errors = [], ...rest },
    retryAfter = null,
  ) {
    super(detail || title || code || '');
    Object.assign(this, { name: 'Problem', status, code, id, title, detail, errors, rest, retryAfter });
  }
}

/** The API under `/v1`, used with one token. */
export class Api {
  /** `onRefused` is called when the server does not accept the token. */
  constructor(token, onRefused) {
    this.token = token;
    this.onRefused = onRefused;
  }

  get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
    return this.send('GET', given.length ? `${path}?${new URLSearchParams(given)}` : path);
  }

  /** `body` is FormData, or an object that is sent as JSON. */
  post(path, body = {}, signal = null) {
    return this.send('POST', path, body, signal);
  }

  patch(path, body) {
    return this.send('PATCH', path, body);
  }

  delete(path) {
    return this.send('DELETE', path);
  }

  async send(method, path, body = null, signal = null) {
    const response = await this.fetch(method, path, body, signal);
    try {
      return await response.json();
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Problem({ status: response.status, code: 'unexpected_answer' });
    }
  }

  /** The bytes at `path`, such as a picture. */
  async blob(path) {
    return (await this.fetch('GET', path)).blob();
  }

  async fetch(method, path, body = null, signal = null) {
    const headers = {
      Authorization: `Bearer ${this.token}`,
      Accept: 'application/json, application/problem+json, image/*',
    };
    if (body && !(body instanceof FormData)) {
      headers['Content-Type'] = 'application/json';
      body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(`/v1${path}`, {
        method,
        headers,
        body,
        signal,
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
      });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Problem({ code: 'unreachable' });
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (problem.status === 401) this.onRefused?.();
    throw problem;
  }
}

async function problemOf(response) {
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  let said = {};
  try {
    said = await response.json();
  } catch {
    /* a proxy's error page: the status is all there is */
  }
  const fields = said && typeof said === 'object' ? said : {};
  return new Problem(
    { title: response.statusText, ...fields, status: response.status },
    Number.isFinite(seconds) ? seconds : null,
  );
}
