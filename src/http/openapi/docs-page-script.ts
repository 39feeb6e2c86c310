/**
 * What the page at /docs does, in the browser: it reads /openapi.json, and asks the server as any client would.
 *
 * Kept as text, as it is not for Node.js. Everything that comes from the document becomes text of the page and
 * never markup: the names of models and features are whatever their authors wrote.
 */
import { TOOLS } from './docs-page-tools.ts';

const PAGES = String.raw`
function shapeText(shape) {
  return '[' + shape.map((size) => (size === null ? '*' : size)).join(', ') + ']';
}

function signatureTable(caption, tensors) {
  const rows = tensors.map((tensor) => h('tr', {},
    h('th', { scope: 'row', className: 'mono' }, tensor.name),
    h('td', {}, tensor.datatype),
    h('td', { className: 'mono' }, shapeText(tensor.shape)),
    h('td', { className: 'soft' }, (tensor.labels || []).join(', ')),
  ));
  return h('div', { className: 'scroll' }, h('h3', {}, caption), h('table', {},
    h('thead', {}, h('tr', {}, ...['Name', 'Datatype', 'Shape', 'Labels'].map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, ...rows)));
}

/** The control for one feature, and the JSON text of what it holds; undefined when it holds nothing. */
function control(field, value) {
  if (field.isList) {
    const area = h('textarea', { value: value === undefined ? '' : JSON.stringify(value), spellcheck: false });
    return { field, element: area, text: () => area.value.trim() || undefined };
  }
  if (field.datatype === 'BOOL') {
    const select = h('select', {}, ...['true', 'false'].map((text) => h('option', {}, text)));
    select.value = String(value === true);
    return { field, element: select, text: () => select.value };
  }
  const isText = field.datatype === 'BYTES';
  const input = h('input', { value: value === undefined || value === null ? '' : String(value), autocomplete: 'off' });
  if (!isText) input.inputMode = 'decimal';
  return { field, element: input, text: () => {
    if (isText) return JSON.stringify(input.value);
    const text = input.value.trim();
    if (text === '') return undefined;
    // What is no number goes as it is, for the server to say what is wrong with it.
    return isNumber(text) ? text : JSON.stringify(text);
  } };
}

/** Probabilities and labels of the first row, to be read at a glance. */
function headline(answer) {
  const row = answer && Array.isArray(answer.rows) ? answer.rows[0] : undefined;
  if (typeof row !== 'object' || row === null) return [];
  const parts = [];
  if (row.label !== undefined) parts.push(h('p', { className: 'headline' }, String(row.label)));
  const bars = [];
  for (const [name, value] of Object.entries(row)) {
    const values = Array.isArray(value) ? value.map((item, i) => [name + '[' + i + ']', item]) : name.includes('.') ? [[name, value]] : [];
    if (values.length > 0 && values.length <= 32 && values.every(([, item]) => typeof item === 'number' && item >= 0 && item <= 1)) bars.push(...values);
  }
  if (bars.length > 1 && bars.length <= 64) {
    parts.push(h('div', { className: 'bars' }, bars.flatMap(([name, value]) => [
      h('span', { className: 'mono' }, name),
      h('meter', { min: 0, max: 1, value, 'aria-label': name }),
      h('span', { className: 'mono' }, value.toFixed(4)),
    ])));
  }
  return parts;
}

function modelPage(model) {
  const row = (model.fields && model.example.rows && model.example.rows[0]) || {};
  const controls = (model.fields || []).map((field) => control(field, Object.hasOwn(row, field.key) ? row[field.key] : undefined));
  const bodyOfForm = () => '{"rows":[{' + controls
    .map((each) => [each.field.key, each.text()])
    .filter(([, text]) => text !== undefined)
    .map(([key, text]) => JSON.stringify(key) + ':' + text)
    .join(',') + '}]}';

  const json = h('textarea', { value: model.fields ? pretty(bodyOfForm()) : JSON.stringify(model.example, null, 2), spellcheck: false });
  let usesForm = controls.length > 0 && controls.length <= 256;
  const targets = [[model.name, 'default: version ' + model.version],
    ...Object.entries(model.aliases).map(([alias, version]) => [model.name + '@' + alias, alias + ': version ' + version])];
  const target = h('select', {}, ...targets.map(([value, text]) => h('option', { value }, text)));
  const labels = h('input', { type: 'checkbox', checked: true });
  const hasLabels = Boolean(model.fields) && model.outputs.some((output) => output.labels);
  const pathInputs = Array.from(model.path.matchAll(/\{(\w+)\}/g), ([, name]) => [name, h('input', { value: '1' })]);

  const makeRequest = () => {
    let path = model.fields ? '/models/' + target.value + '/predict' : model.path;
    for (const [name, input] of pathInputs) path = path.replace('{' + name + '}', encodeURIComponent(input.value));
    if (hasLabels && labels.checked) path += '?labels=true';
    const body = model.method === 'GET' ? undefined : usesForm ? bodyOfForm() : json.value;
    return { method: model.method, path, headers: { 'content-type': 'application/json' }, body };
  };
  const { button, parts, send, refresh } = sender('Predict', makeRequest, headline);

  const isNarrow = controls.length > 12 && controls.every(({ field }) => !field.isList && field.key.length <= 12);
  const isWide = controls.some((each) => each.field.isList);
  const form = h('div', { className: 'fields' + (isNarrow ? ' many' : isWide ? ' wide' : '') }, controls.map((each) =>
    labelled(each.field.key + (each.field.isOptional ? ' (may be empty)' : ''), each.element)));
  const raw = labelled('Body', json);
  const asForm = h('button', { type: 'button', onclick: () => show(true) }, 'Form');
  const asJson = h('button', { type: 'button', onclick: () => { if (usesForm) json.value = pretty(bodyOfForm()); show(false); } }, 'JSON');
  function show(wantsForm) {
    usesForm = wantsForm;
    form.hidden = !wantsForm;
    raw.hidden = wantsForm;
    asForm.setAttribute('aria-pressed', String(wantsForm));
    asJson.setAttribute('aria-pressed', String(!wantsForm));
    refresh();
  }
  const options = [
    targets.length > 1 && model.fields ? labelled('Version', target, 'row') : undefined,
    hasLabels ? labelled('Classes by name', labels, 'row') : undefined,
    ...pathInputs.map(([name, input]) => labelled(name, input, 'row')),
  ];
  const panel = h('form', { className: 'card', onsubmit: send, oninput: refresh },
    h('div', { className: 'row apart' }, h('h3', {}, model.fields ? 'One row' : model.method + ' ' + model.path),
      controls.length > 0 ? h('div', { className: 'row', role: 'group', 'aria-label': 'Edit as' }, asForm, asJson) : undefined),
    form, raw,
    h('div', { className: 'row' }, button, ...options),
    parts);
  show(usesForm);
  return [
    h('div', { className: 'head' }, h('h2', { tabIndex: -1 }, model.name),
      h('div', { className: 'row soft' }, 'version ' + model.version, h('span', { className: 'chip' }, model.platform),
        ...Object.entries(model.aliases).map(([alias, version]) => h('span', { className: 'chip' }, alias + ' → ' + version)))),
    panel,
    h('div', { className: 'card' }, signatureTable('Inputs', model.inputs), h('p', {}), signatureTable('Outputs', model.outputs)),
  ];
}

/** Anything else: parameters, a body as text, and the answer. */
function routePanel(path, method, operation) {
  const parameters = (operation.parameters || []).filter((parameter) => parameter.in !== 'header');
  const first = openapi['x-servery-models'][0];
  const defaults = { model: first ? first.name : '', version: first ? String(first.version) : '1' };
  const inputs = parameters.map((parameter) => [parameter, h('input', { value: parameter.required ? defaults[parameter.name] || '' : '', autocomplete: 'off' })]);
  const content = operation.requestBody ? operation.requestBody.content : {};
  const types = Object.keys(content).filter((type) => type !== 'application/octet-stream');
  const type = h('select', {}, ...types.map((text) => h('option', {}, text)));
  const body = h('textarea', { spellcheck: false });
  const fill = () => {
    const example = types.length > 0 ? content[type.value].example : undefined;
    body.value = example === undefined ? (type.value === 'application/json' ? '{}' : '') : typeof example === 'string' ? example : JSON.stringify(example, null, 2);
  };
  fill();
  const makeRequest = () => {
    const query = new URLSearchParams();
    let target = path;
    for (const [{ name, in: place }, input] of inputs) {
      if (place === 'path') target = target.replace('{' + name + '}', encodeURIComponent(input.value).replaceAll('%40', '@'));
      else if (input.value !== '') query.set(name, input.value);
    }
    if (query.size > 0) target += '?' + query;
    const withBody = types.length > 0;
    return { method: method.toUpperCase(), path: target, headers: withBody ? { 'content-type': type.value } : {}, body: withBody ? body.value : undefined };
  };
  const { button, parts, send, refresh } = sender('Send', makeRequest);
  type.addEventListener('change', () => { fill(); refresh(); });
  refresh();
  const answers = Object.entries(operation.responses).filter(([status]) => status !== 'default').map(([status, answer]) => {
    const found = answer.$ref ? openapi.components.responses[answer.$ref.split('/').pop()] : answer;
    return h('tr', {}, h('th', { scope: 'row' }, status), h('td', {}, found.description));
  });
  return h('form', { onsubmit: send, oninput: refresh },
    inputs.length > 0 ? h('div', { className: 'fields' }, inputs.map(([{ name, required }, input]) => labelled(name + (required ? '' : ' (may be empty)'), input))) : undefined,
    types.length > 1 ? labelled('Content type', type) : undefined,
    types.length > 0 ? labelled('Body', body) : undefined,
    h('div', { className: 'row' }, button), parts,
    h('h3', { className: 'answers' }, 'Answers'), h('table', {}, h('tbody', {}, ...answers)));
}

function routesPage() {
  const known = new Set(openapi['x-servery-models'].map((model) => model.path));
  const groups = openapi.tags.map((tag) => {
    const items = Object.entries(openapi.paths).flatMap(([path, methods]) =>
      known.has(path) ? [] : Object.entries(methods).filter(([, operation]) => operation.tags.includes(tag.name)).map(([method, operation]) => {
        const place = h('div');
        const item = h('details', { ontoggle: () => { if (item.open && place.childNodes.length === 0) place.append(routePanel(path, method, operation)); } },
          h('summary', {}, h('span', { className: 'method' }, method.toUpperCase()), h('code', {}, path), ' ', h('span', { className: 'soft' }, operation.summary)), place);
        return item;
      }));
    return items.length === 0 ? undefined : h('div', { className: 'card' }, h('h3', {}, tag.name), h('p', { className: 'soft' }, tag.description), ...items);
  });
  return [h('div', { className: 'head' }, h('h2', { tabIndex: -1 }, 'All routes'),
    h('p', { className: 'soft' }, prose(openapi.info.description))), ...groups];
}

function show(moveFocus) {
  const models = openapi['x-servery-models'];
  const wanted = decodeURIComponent(location.hash.slice(1));
  const model = wanted === '/routes' ? undefined : models.find(({ name }) => name === wanted) || models[0];
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.page === (model ? model.name : '/routes')) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  main.replaceChildren(...(model ? modelPage(model) : routesPage()).filter((part) => part !== undefined));
  document.title = (model ? model.name : 'All routes') + ' · Servery';
  if (moveFocus) main.querySelector('h2').focus();
}

function link(page, text) {
  const anchor = h('a', { href: '#' + encodeURIComponent(page) }, text);
  anchor.dataset.page = page;
  return h('li', {}, anchor);
}

async function start() {
  const answer = await ask({ method: 'GET', path: '/openapi.json', headers: {} });
  if (!answer.ok) {
    keyForm.hidden = answer.status !== 401 && answer.status !== 403;
    const problem = answer.isJson ? JSON.parse(answer.text).error : 'status ' + answer.status;
    main.replaceChildren(h('p', { className: 'bad', role: 'alert' }, problem));
    if (!keyForm.hidden) keyInput.focus();
    return;
  }
  openapi = JSON.parse(answer.text);
  keyForm.hidden = !openapi.security;
  document.getElementById('version').textContent = openapi.info.version;
  const models = openapi['x-servery-models'];
  document.getElementById('models').replaceChildren(
    ...(models.length === 0 ? [h('li', { className: 'soft' }, 'None is ready.')] : models.map(({ name }) => link(name, name))));
  document.getElementById('more').replaceChildren(link('/routes', 'All routes'));
  show(false);
}

keyForm.addEventListener('submit', (event) => { event.preventDefault(); void start(); });
addEventListener('hashchange', () => { if (openapi) show(true); });
void start().catch(() => main.replaceChildren(h('p', { className: 'bad', role: 'alert' }, 'The server cannot be reached.')));
`;

export const SCRIPT = TOOLS + PAGES;
