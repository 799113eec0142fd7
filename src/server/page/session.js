// What the page knows about its user: the token, its scopes, and the selected gallery.

import { Api } from './api.js';

const TOKEN = 'gallerist.token';
const GALLERY = 'gallerist.gallery';

/** Which scopes include which. */
const INCLUDED = { identify: ['identify', 'enroll', 'admin'], enroll: ['enroll', 'admin'], admin: ['admin'] };

class Session extends EventTarget {
  api = null;
  me = null;
  galleries = [];
  gallery = null;

  /** Takes a token from the address and removes it there, so that it is in no history, bookmark or screenshot. */
  takeTokenFromAddress() {
    const match = /^#token=([^&]+)/u.exec(location.hash);
    if (!match) return false;
    store(TOKEN, decodeURIComponent(match[1]));
    history.replaceState(null, '', `${location.pathname}#/identify`);
    return true;
  }

  get token() {
    return load(TOKEN);
  }

  /** Asks the server who this token is and which galleries it may see. Fails with a Problem. */
  async open(token = this.token) {
    const api = new Api(token);
    const me = await api.get('/me');
    const listed = await api.get('/galleries');
    api.onRefused = () => this.close('expired');
    store(TOKEN, token);
    Object.assign(this, { api, me, galleries: listed.galleries });
    const last = load(GALLERY);
    this.gallery = this.galleries.find(({ gallery }) => gallery === last) ?? this.galleries[0] ?? null;
  }

  /** Forgets the token. `why` is `left` or `expired`. */
  close(why) {
    store(TOKEN, null);
    Object.assign(this, { api: null, me: null, galleries: [], gallery: null });
    this.dispatchEvent(new CustomEvent('closed', { detail: why }));
  }

  may(scope) {
    return Boolean(this.me?.scopes.some((has) => INCLUDED[scope].includes(has)));
  }

  select(name) {
    this.gallery = this.galleries.find(({ gallery }) => gallery === name) ?? this.gallery;
    store(GALLERY, this.gallery?.gallery ?? null);
    this.dispatchEvent(new Event('gallery'));
  }

  /** Reads the sizes and the calibration of the gallery again. */
  async refresh() {
    const fresh = await this.api.get(this.path());
    this.galleries = this.galleries.map((old) => (old.gallery === fresh.gallery ? fresh : old));
    if (this.gallery?.gallery === fresh.gallery) this.gallery = fresh;
    return fresh;
  }

  /** The path of something in the selected gallery. */
  path(rest = '') {
    return `/galleries/${encodeURIComponent(this.gallery.gallery)}${rest}`;
  }

  /** Tells the views that people or templates changed. */
  changed() {
    this.dispatchEvent(new Event('changed'));
  }
}

// Storage can be blocked by the browser; the token then lives as long as this page.
const memory = new Map();

function load(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return memory.get(key) ?? null;
  }
}

function store(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    memory.set(key, value);
  }
}

export const session = new Session();
