/**
 * `/docs`: the documentation to read and to try, as one page that loads nothing but `/openapi.json`.
 *
 * It is the same for every server, so it is made once. Its policy lets only this script and this style in,
 * by their digests: even if something from a model became markup, it would not run.
 */
import { hash } from 'node:crypto';
import type { Page } from '../deps.ts';
import { SCRIPT } from './docs-page-script.ts';
import { STYLE } from './docs-page-style.ts';

const BODY = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Servery</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
  <h1>Servery <span class="soft" id="version"></span></h1>
  <span class="grow"></span>
  <form id="key-form" class="row" hidden>
    <label>API key <input id="key" type="password" autocomplete="off"></label>
    <button type="submit">Use</button>
  </form>
  <a href="openapi.json">openapi.json</a>
</header>
<div class="layout">
  <nav aria-label="Pages">
    <h2>Models</h2>
    <ul id="models"></ul>
    <h2>Server</h2>
    <ul id="more"></ul>
  </nav>
  <main id="main"><p class="soft">Loading …</p><noscript><p>This page needs JavaScript. The same is in openapi.json.</p></noscript></main>
</div>
<script>${SCRIPT}</script>
</body>
</html>
`;

const POLICY = [
  `default-src 'none'`,
  `script-src '${digest(SCRIPT)}'`,
  `style-src '${digest(STYLE)}'`,
  `connect-src 'self'`,
  `img-src data:`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

const PAGE: Page = {
  contentType: 'text/html; charset=utf-8',
  body: BODY,
  headers: ['content-security-policy', POLICY, 'x-content-type-options', 'nosniff', 'referrer-policy', 'no-referrer'],
};

export function docsPage(): Page {
  return PAGE;
}

function digest(text: string): string {
  return `sha256-${hash('sha256', text, 'base64')}`;
}
