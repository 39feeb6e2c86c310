/** The tools of the script of /docs: elements, requests, and the button that sends one and shows its answer. */
export const TOOLS = String.raw`
'use strict';
const base = location.pathname.replace(/\/docs\/?$/, '');
const main = document.getElementById('main');
const keyInput = document.getElementById('key');
const keyForm = document.getElementById('key-form');
let ids = 0;
let openapi;

/** An element with properties (on… are listeners), attributes for what is no property, and children. */
function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined));
  return element;
}

/** A label and its control, which belong together for those who do not see them. */
function labelled(text, control, className) {
  control.id = 'c' + (ids += 1);
  return h('div', { className: className || 'field' }, h('label', { htmlFor: control.id, title: text }, text), control);
}

/** A description, with what stands between backticks as code. */
function prose(text) {
  return text.split('\x60').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));
}

/** Numbers keep their digits: a 64-bit integer is more than a number of this language can hold. */
function pretty(text) {
  try {
    const exact = JSON.rawJSON
      ? (_, value, context) => (typeof value === 'number' && context ? JSON.rawJSON(context.source) : value)
      : undefined;
    return JSON.stringify(JSON.parse(text, exact), null, 2);
  } catch {
    return text;
  }
}

function isNumber(text) {
  return /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text);
}

function quoteForShell(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function curlLine({ method, path, headers, body }) {
  const words = ['curl', '-s'];
  if (method !== 'GET' && !(method === 'POST' && body !== undefined)) words.push('-X', method);
  for (const [name, value] of Object.entries(headers)) words.push('-H', quoteForShell(name + ': ' + value));
  if (keyInput.value !== '') words.push('-H', '"authorization: Bearer $SERVERY_KEY"');
  if (body !== undefined) words.push('--data-binary', quoteForShell(body));
  words.push(quoteForShell(location.origin + base + path));
  return words.join(' ');
}

async function ask({ method, path, headers, body }) {
  const key = keyInput.value === '' ? {} : { authorization: 'Bearer ' + keyInput.value };
  const started = performance.now();
  const response = await fetch(base + path, { method, headers: { ...headers, ...key }, body });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') || '').startsWith('application/json');
  return { status: response.status, ok: response.ok, text, isJson, ms: performance.now() - started };
}

/** A button that sends what makeRequest gives, and the place where its answer appears. */
function sender(title, makeRequest, showAnswer) {
  const status = h('p', { role: 'status', className: 'row' });
  const result = h('div');
  const curl = h('pre', { tabIndex: 0 });
  const copy = h('button', { type: 'button', onclick: async () => {
    await navigator.clipboard.writeText(curl.textContent);
    copy.textContent = 'Copied';
    setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
  } }, 'Copy');
  const button = h('button', { type: 'submit', className: 'main' }, title);
  const refresh = () => { curl.textContent = curlLine(makeRequest()); };
  const send = async (event) => {
    event.preventDefault();
    refresh();
    button.disabled = true;
    status.replaceChildren('Waiting …');
    try {
      const answer = await ask(makeRequest());
      status.replaceChildren(
        h('span', { className: answer.ok ? 'good' : 'bad' }, (answer.ok ? 'OK ' : 'Failed ') + answer.status),
        h('span', { className: 'soft' }, answer.ms.toFixed(1) + ' ms'),
      );
      const shown = answer.isJson ? pretty(answer.text) : answer.text;
      const limit = 200000;
      result.replaceChildren(
        ...(showAnswer && answer.ok && answer.isJson ? showAnswer(JSON.parse(answer.text)) : []),
        h('pre', { tabIndex: 0, 'aria-label': 'Answer' }, shown.length > limit ? shown.slice(0, limit) + '\n…' : shown),
      );
    } catch (error) {
      status.replaceChildren(h('span', { className: 'bad' }, 'The server cannot be reached'));
      result.replaceChildren();
    } finally {
      button.disabled = false;
    }
  };
  const parts = h('div', { className: 'answer' }, status, result,
    h('div', { className: 'row apart curl' }, h('h3', {}, 'The same with curl'), copy), curl);
  return { button, parts, send, refresh };
}
`;
