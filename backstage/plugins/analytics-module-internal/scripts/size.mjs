/* eslint-disable no-console */
// Prints how much each entry adds to a portal, minified and gzipped. Fails above the limit.
// Backstage's packages and React are in every portal, so they do not count.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const LIMIT_BYTES = 5000;

for (const entry of ['index', 'legacy']) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../src/${entry}.ts`, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: ['@backstage/*', 'react', 'react-dom'],
  });
  const { length } = gzipSync(outputFiles[0].contents, { level: 9 });
  console.log(
    `${entry}: ${outputFiles[0].contents.length} bytes minified, ${length} gzipped of ${LIMIT_BYTES} allowed`,
  );
  if (length > LIMIT_BYTES) process.exitCode = 1;
}
