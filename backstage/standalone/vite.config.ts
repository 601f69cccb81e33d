import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;
const PAGES = resolve(here, '../plugins/analytics-internal/src');

/**
 * Moves the styles that `@backstage/ui` injects with `<style>` elements at run time into the CSS file.
 *
 * A content security policy without `'unsafe-inline'` would drop the injected ones, and the browser would
 * parse some 100 kB of CSS out of JavaScript strings.
 */
function extractInjectedStyles(): Plugin {
  const prefix = 'virtual:injected-styles:';
  const sheets = new Map<string, string>();
  return {
    name: 'extract-injected-styles',
    enforce: 'pre',
    apply: 'build',
    transform(code, id) {
      if (!/@backstage\/ui\/.*\.module\.css\.esm\.js$/.test(id)) return undefined;
      const injected = /var (\w+) = ("(?:[^"\\]|\\.)*");/.exec(code);
      if (!injected) return undefined;
      const [statement, variable, css] = injected;
      const sheet = `${prefix}${id.slice(id.lastIndexOf('/') + 1)}.css`;
      sheets.set(sheet, JSON.parse(css!) as string);
      return {
        code: code
          .replace(/^import styleInject .*$/m, `import ${JSON.stringify(sheet)};`)
          .replace(statement, '')
          .replace(`styleInject(${variable});`, ''),
        map: null,
      };
    },
    resolveId: (id) => (id.startsWith(prefix) ? `\0${id}` : undefined),
    load: (id) => (id.startsWith(`\0${prefix}`) ? sheets.get(id.slice(1)) : undefined),
  };
}

/**
 * Emits the entry a second time as `items/index.html`, one folder deeper.
 *
 * The assets' addresses are relative so that the page works under any mount; a page served at
 * `<mount>/items/12` therefore needs `../assets/…`.
 */
function itemsEntry(): Plugin {
  return {
    name: 'items-entry',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const index = bundle['index.html'];
      if (index?.type !== 'asset') throw new Error('index.html was not built');
      const source = String(index.source).replaceAll(/(href|src)="\.\//g, '$1="../');
      this.emitFile({ type: 'asset', fileName: 'items/index.html', source });
    },
  };
}

/**
 * Resolves what the pages' package imports from here.
 *
 * Its folder belongs to another workspace, whose packages need not be installed, and must not be bundled beside ours.
 */
function resolveFromHere(): Plugin {
  const importer = resolve(here, 'src/main.tsx');
  return {
    name: 'resolve-from-here',
    enforce: 'pre',
    resolveId(id, from) {
      const isBare = !/^[./\0]|^virtual:/.test(id);
      return isBare && from?.startsWith(`${PAGES}/`) ? this.resolve(id, importer) : undefined;
    },
  };
}

export default defineConfig({
  base: './',
  // Else the pages' sources take the nearest one, which extends a package of the other workspace.
  tsconfig: resolve(here, 'tsconfig.json'),
  plugins: [resolveFromHere(), react(), extractInjectedStyles(), itemsEntry()],
  build: {
    outDir: resolve(here, '../../src/analytics_internal/http/page'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: resolve(here, 'index.html'), api: resolve(here, 'api.html') } },
    chunkSizeWarningLimit: 1600,
  },
  server: {
    port: 5173,
    fs: { allow: [here, PAGES] },
    proxy: { '/api': { target: process.env.ANALYTICS_INTERNAL_URL ?? 'http://127.0.0.1:7008' } },
  },
});
