/* eslint-disable no-script-url -- these are what must never become a link */
import { portalAddressOf } from './portalAddress';

describe('portalAddressOf', () => {
  it.each([
    'javascript:alert(1)',
    'javascript://%0aalert(1)',
    'JavaScript://x',
    'java\tscript:alert(1)',
    '\u0001javascript:alert(1)',
    ' javascript:alert(1)',
    'vbscript://x',
    'file:///etc/passwd',
    'data:text/html,<script>',
    'blob:https://h.example/1',
    'ftp://h.example/',
    'mailto:ana@h.example',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '\\evil.example',
    '/\t/evil.example',
    '/\n\\evil.example',
    'https:///evil.example',
    'https:\\\\evil.example',
    'https:evil.example',
    'catalog',
    '',
    '/\ud800',
    'https://[evil',
  ])('makes no link of %j', (text) => {
    expect(portalAddressOf(text)).toBeNull();
  });

  it.each([
    ['/', '/'],
    ['/catalog/default/component/a', '/catalog/default/component/a'],
    ['/docs/café/a b ', '/docs/caf%C3%A9/a%20b%20'],
    ['/a%2Fb/100%25/%FF', '/a%2Fb/100%25/%FF'],
    ['/a/\\b"<', '/a/%5Cb%22%3C'],
  ])('leads to %j in the portal', (text, href) => {
    expect(portalAddressOf(text)).toEqual({ href, isInPortal: true });
    expect(new URL(href, 'https://portal.example').host).toBe('portal.example');
  });

  it.each([
    ['https://h.example/café', 'https://h.example/caf%C3%A9'],
    ['HTTP://h.example', 'HTTP://h.example'],
    ['https://[::1]:80/a', 'https://[::1]:80/a'],
  ])('leads to %j outside of it', (text, href) => {
    const found = portalAddressOf(text);

    expect(found?.isInPortal).toBe(false);
    expect(new URL(found!.href).href).toBe(new URL(href).href);
  });
});
