import { createClient } from './client';
import { ProblemError } from './problem';
import type { Query } from './query';

const question: Query<'events'> = { metrics: ['events'], dimensions: [], date_range: 'all' };

function clientAnswering(response: Response) {
  const fetch = jest.fn<Promise<Response>, Parameters<typeof globalThis.fetch>>().mockResolvedValue(response);
  const client = createClient({ baseUrl: () => 'https://portal.example/api/analytics-internal', fetch });
  return { client, fetch };
}

describe('the client', () => {
  it('asks below the base URL with the fetch it was given', async () => {
    const { client, fetch } = clientAnswering(Response.json({ results: [], meta: {} }));
    await client.query(question);
    const [url, init] = fetch.mock.calls[0]!;
    expect(url).toBe('https://portal.example/api/analytics-internal/query');
    expect(JSON.parse(init?.body as string)).toEqual(question);
  });

  it('asks for every row as CSV for a spreadsheet', async () => {
    const { client, fetch } = clientAnswering(new Response('events\n1\n'));
    const file = await client.csv({ ...question, limit: 25, cursor: 'abc' });
    expect(await file.text()).toBe('events\n1\n');
    const [url, init] = fetch.mock.calls[0]!;
    expect(url).toBe('https://portal.example/api/analytics-internal/query?format=csv');
    expect(JSON.parse(init?.body as string)).toMatchObject({ limit: null, cursor: null });
  });

  it('rejects with the problem the service named', async () => {
    const problem = { title: 'Bad query', status: 400, errors: [{ field: 'cursor', detail: 'unknown' }] };
    const { client } = clientAnswering(Response.json(problem, { status: 400 }));
    const error: unknown = await client.query(question).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).concerns('cursor')).toBe(true);
    expect((error as ProblemError).mayPass).toBe(false);
  });

  it('names what is no problem+json by its status', async () => {
    const { client } = clientAnswering(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
    await expect(client.configuration()).rejects.toThrow('Bad Gateway');
  });
});
