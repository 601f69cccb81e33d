import type { AuditorService } from '@backstage/backend-plugin-api';
import { mockCredentials, mockServices } from '@backstage/backend-test-utils';
import type { AddressInfo } from 'net';
import express from 'express';
import { auditorWithMcpCalls } from './mcpCalls';

type Received = { authorization: string | undefined; event: Record<string, unknown> };

/** The events that a service got, from a real server. */
async function service(status = 200) {
  const received: Received[] = [];
  const app = express();
  app.post('/events', express.json(), (sent, response) => {
    received.push({ authorization: sent.get('authorization'), event: sent.body });
    response.status(status).json({ success: true, results: [{ id: 'x', status: 'stored' }] });
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { received, url, close: () => new Promise((resolve) => server.close(resolve)) };
}

/** An auditor that writes down what it is told. */
function written() {
  const said: string[] = [];
  const auditor: AuditorService = {
    async createEvent({ eventId }) {
      return {
        success: async () => void said.push(`${eventId} succeeded`),
        fail: async () => void said.push(`${eventId} failed`),
      };
    },
  };
  return { said, auditor };
}

function options(url: string, pluginId = 'mcp-actions') {
  const logger = mockServices.logger.mock();
  const discovery = mockServices.discovery.mock({ getBaseUrl: async () => url });
  const auth = mockServices.auth({ pluginId });
  return {
    auth,
    discovery,
    logger,
    httpAuth: mockServices.httpAuth({ pluginId }),
    plugin: { getId: () => pluginId },
  };
}

function request(userAgent?: string): any {
  const headers: Record<string, string | undefined> = {
    'user-agent': userAgent,
    authorization: mockCredentials.user.header('user:default/ana'),
  };
  return { headers, get: (name: string) => headers[name] };
}

async function until(holds: () => boolean) {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const CALL = { eventId: 'tool-execution', meta: { toolName: 'catalog_get_entity' } };

it('makes an event of a call: for the person, by the program', async () => {
  const { received, url, close } = await service();
  const { said, auditor } = written();

  const call = { ...CALL, request: request('claude-code/2.0.1 (cli)') };
  const event = await auditorWithMcpCalls(auditor, options(url)).createEvent(call);
  await event.success();
  await until(() => received.length === 1);
  await close();

  expect(said).toEqual(['tool-execution succeeded']);
  const onBehalfOf = mockCredentials.user('user:default/ana');
  const token = mockCredentials.service.header({ onBehalfOf, targetPluginId: 'analytics-internal' });
  expect(received[0]?.authorization).toBe(token);
  expect(received[0]?.event).toMatchObject({
    action: 'mcp-call',
    subject: 'catalog_get_entity',
    attributes: { status: 'succeeded' },
    context: { pluginId: 'mcp-actions' },
    agent: 'claude-code',
  });
});

it('records a call that failed, and names the plugin where the program does not say its name', async () => {
  const { received, url, close } = await service();

  const event = await auditorWithMcpCalls(written().auditor, options(url)).createEvent({
    ...CALL,
    request: request(),
  });
  await event.fail({ error: new Error('no such entity') });
  await until(() => received.length === 1);
  await close();

  expect(received[0]?.event).toMatchObject({ attributes: { status: 'failed' }, agent: 'mcp-actions' });
});

it('lets a call succeed whose event is refused', async () => {
  const { received, url, close } = await service(503);
  const { said, auditor } = written();
  const given = options(url);

  const event = await auditorWithMcpCalls(auditor, given).createEvent({
    ...CALL,
    request: request('cursor'),
  });
  await event.success();
  await until(() => given.logger.warn.mock.calls.length === 1);
  await close();

  expect(said).toEqual(['tool-execution succeeded']);
  expect(received).toHaveLength(1);
});

it('records neither the events of other plugins nor other events', async () => {
  const { received, url, close } = await service();
  const { said, auditor } = written();

  expect(auditorWithMcpCalls(auditor, options(url, 'catalog'))).toBe(auditor);
  await (
    await auditorWithMcpCalls(auditor, options(url)).createEvent({ eventId: 'tool-discovery' })
  ).success();
  await close();

  expect(said).toEqual(['tool-discovery succeeded']);
  expect(received).toEqual([]);
});
