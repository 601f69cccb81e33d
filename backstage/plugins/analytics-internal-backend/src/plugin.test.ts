import { mockServices, startTestBackend } from '@backstage/backend-test-utils';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import analyticsInternal from './index';
import { Program, SERVING } from './testing/program';
import { bodyOf, Listening } from './testing/servers';
import { isAlive, until } from './testing/waiting';

function backend(analyticsInternalConfig: Record<string, any>) {
  return startTestBackend({
    features: [
      analyticsInternal,
      mockServices.rootConfig.factory({
        data: { backend: { baseUrl: 'http://localhost:7007' }, analyticsInternal: analyticsInternalConfig },
      }),
    ],
  });
}

describe('in the mode remote', () => {
  it('answers with the service elsewhere, which alone judges the token', async () => {
    const seen: unknown[] = [];
    const service = await Listening.start(async (incoming, response) => {
      seen.push(incoming.url, incoming.headers.authorization, String(await bodyOf(incoming)));
      response.writeHead(202, { 'content-type': 'application/json' }).end('{"success":true}');
    });
    const started = await backend({ mode: 'remote', baseUrl: service.url });

    const answer = await request(started.server)
      .post('/api/analytics-internal/events?x=1')
      .set('Authorization', 'Bearer of-no-kind-the-backend-knows')
      .send({ action: 'navigate', subject: '/catalog' });
    await started.stop();
    await service.stop();

    expect([answer.status, answer.body]).toEqual([202, { success: true }]);
    expect(seen).toEqual([
      '/api/analytics-internal/events?x=1',
      'Bearer of-no-kind-the-backend-knows',
      '{"action":"navigate","subject":"/catalog"}',
    ]);
  });

  it('does not let the backend start without an address', async () => {
    await expect(backend({ mode: 'remote' })).rejects.toThrow(/analyticsInternal\.baseUrl must be/);
  });
});

describe('in the mode managed', () => {
  it('starts with the backend, which does not wait for it, and ends with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'managed-'));
    const program = new Program(folder, SERVING);
    const started = await backend({ command: program.path });

    const early = await request(started.server).get('/api/analytics-internal/configuration');
    await until(
      async () => (await request(started.server).get('/api/analytics-internal/configuration')).status === 200,
    );
    const { pid } = program.runs[0]!;
    await started.stop();

    expect([early.status, early.headers['retry-after']]).toEqual([503, '1']);
    expect(program.runs).toHaveLength(1);
    expect(isAlive(pid)).toBe(false);
    rmSync(folder, { recursive: true });
  });
});
