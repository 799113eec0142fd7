// Elements. Every text goes through text nodes, so a name can never become markup.

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an HTML element. `on` holds listeners, `text` a text, everything else is an attribute; null and false leave it out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Makes an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** An icon of the sprite in index.html. It is hidden from screen readers: the text beside it, or a label, says what it means. */
export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: `#icon-${name}` }));
}

/** A button. `kind` is a class: `primary`, `quiet`, `danger`, `square`. */
export function button(text, onClick, { kind = '', iconName = null, label = null, ...attributes } = {}) {
  const shown = [iconName && icon(iconName), text && el('span', { text })];
  return el(
    'button',
    { type: 'button', class: `button ${kind}`, 'aria-label': label, on: { click: onClick }, ...attributes },
    ...shown,
  );
}

/** A link to another view. */
export function link(text, route, attributes = {}) {
  return el('a', { href: `#/${route}`, text, ...attributes });
}

/** A note: `caution`, `error` or `plain`. */
export function note(kind, ...children) {
  const sign = kind === 'plain' ? null : icon('warning');
  return el(
    'div',
    { class: `note ${kind}`, role: kind === 'error' ? 'alert' : null },
    sign,
    el('div', {}, ...children),
  );
}

/** Moves the focus to the heading of the view, where a reader of the screen goes on when the focused element is gone. */
export function focusHeading(root = document.getElementById('main')) {
  const heading = root.querySelector('h1');
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** Has screen readers say `text`, without moving the focus. */
export function announce(text) {
  const region = document.getElementById('announcer');
  region.textContent = '';
  // A region that is emptied and filled in one step is not read again when the text is the same.
  setTimeout(() => {
    region.textContent = text;
  }, 60);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') Object.entries(value).forEach(([event, listener]) => node.addEventListener(event, listener));
    else if (name === 'text') node.textContent = value;
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
