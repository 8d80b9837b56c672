// Builds and patches elements. User text only ever becomes text nodes: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const HANDLERS = [
  "onclick",
  "oninput",
  "onchange",
  "onkeydown",
  "onsubmit",
  "onfocus",
  "onblur",
  "onpaste",
  "onscroll",
  "onmousedown",
  "onmouseenter",
  "onmouseleave",
  "ontoggle",
  "ondragover",
  "ondrop",
  "onerror",
];

/** h("button.primary", {onclick}, "Approve"): one element; strings become text, null and false are left out. */
export function h(tag, props = null, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props ?? {})) assign(element, key, value);
  append(element, children);
  return element;
}

/** The same for SVG, whose elements live in their own namespace. */
export function svg(tag, props = null, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(props ?? {})) element.setAttribute(key, value);
  append(element, children);
  return element;
}

export function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.append(child);
  }
  return parent;
}

export function fill(parent, ...children) {
  parent.replaceChildren();
  return append(parent, children);
}

function assign(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element[key] = value;
  else if (key === "class") element.className = [element.className, value].filter(Boolean).join(" ");
  else if (key === "style") for (const [name, v] of Object.entries(value)) element.style.setProperty(name, v);
  else if (key === "value") element.value = value;
  else if (key === "checked" || key === "disabled") element[key] = Boolean(value);
  else element.setAttribute(key, value === true ? "" : value);
}

/**
 * Makes `old` look like `fresh` while keeping the nodes that did not change, so focus, scroll and animations survive.
 * Elements with `data-whole` hold state of their own: they stay untouched while that key is equal, else are replaced.
 */
export function morph(old, fresh) {
  if (!alike(old, fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  if (old.dataset?.whole !== undefined && old.dataset.whole === fresh.dataset?.whole) return old;
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
  return old;
}

function alike(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return false;
  if (old.nodeType !== Node.ELEMENT_NODE) return true;
  return old.dataset?.key === fresh.dataset?.key && old.dataset?.whole === fresh.dataset?.whole;
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const handler of HANDLERS) if (old[handler] !== fresh[handler]) old[handler] = fresh[handler];
  if ("disabled" in old && old.disabled !== fresh.disabled) old.disabled = fresh.disabled;
}

function morphChildren(old, fresh) {
  // Leaving first those who are not wanted, so that the others need not move: a moved node loses its focus.
  const wantedKeys = new Set([...fresh.children].map((child) => child.dataset.key));
  const keyed = new Map();
  for (const child of [...old.children]) {
    if (!child.dataset.key) continue;
    if (wantedKeys.has(child.dataset.key)) keyed.set(child.dataset.key, child);
    else child.remove();
  }
  let cursor = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const match = keyed.get(wanted.dataset?.key) ?? cursor;
    if (match && alike(match, wanted)) {
      if (match !== cursor) old.insertBefore(match, cursor);
      const kept = morph(match, wanted);
      cursor = kept.nextSibling;
    } else {
      old.insertBefore(wanted, cursor);
    }
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

/** Keeps Tab inside `box` and returns what gives the focus back to where it was. */
export function trapFocus(box) {
  const before = document.activeElement;
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const stops = focusable(box);
    if (!stops.length) return;
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== edge && box.contains(document.activeElement)) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  });
  return () => before?.isConnected && before.focus();
}

export function focusable(box) {
  const stops = "a[href], button:not(:disabled), input:not(:disabled), textarea:not(:disabled), [tabindex='0']";
  return [...box.querySelectorAll(stops)].filter((stop) => stop.offsetParent !== null);
}
