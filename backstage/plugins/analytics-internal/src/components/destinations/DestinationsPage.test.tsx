import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import type { Destination } from '../../api/destinations';
import { deadLetter, destination, destinationsClient, type Routes } from '../__testUtils__/testDestinations';
import { renderPage, testClient } from '../__testUtils__/testPages';
import { MetricsPage } from '../metrics/MetricsPage';
import DestinationsPage from './DestinationsPage';

const failing = destination('audit', 'failing', {
  position: 90,
  lag_events: 1058,
  lag_seconds: 725,
  failed_attempts: 31,
  last_error: {
    at: '2026-11-25T01:00:00.000Z',
    detail: 'the receiver answered 503 Service Unavailable',
    status: 503,
    answer: '<html>upstream connect error</html>',
    attempts: 7,
    next_attempt_at: '2026-11-25T01:05:00.000Z',
  },
});

const listing = (...destinations: Destination[]): Routes => ({
  'GET /destinations': () => ({ destinations }),
});

function show(routes: Routes, { address = '/destinations', may = {} } = {}) {
  const service = destinationsClient(routes, may);
  renderPage(<DestinationsPage />, service.client, address);
  return service;
}

const row = async (name: string) => within(await screen.findByTestId(`destination-${name}`));
const press = (name: string) => userEvent.click(screen.getByRole('button', { name }));
const dialog = async () => within(await screen.findByRole('dialog'));

describe('the list of destinations', () => {
  it('says in its first line how many there are, and that all is well', async () => {
    show(listing(destination('audit'), destination('lake', 'delivering')));
    expect(
      await screen.findByText('2 destinations: nothing is in the way of their events.'),
    ).toBeInTheDocument();
  });

  it('says in its first lines what needs attention, and why', async () => {
    show(
      listing(
        failing,
        destination('hook', 'stopped', { stopped_because: 'the receiver answered 410 Gone' }),
        destination('site', 'up_to_date', { dead: 3, dead_letters: 2 }),
      ),
    );
    expect(await screen.findByText('3 destinations:')).toBeInTheDocument();
    expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
      'audit is failing. 1,058 events wait, the oldest for 12 minutes: the receiver answered 503 Service Unavailable',
      'hook is stopped, because its receiver wants no more events: the receiver answered 410 Gone',
      'site has 2 dead letters: events that could not be delivered.',
    ]);
  });

  it('shows every figure of a destination below what it is called', async () => {
    show(listing(failing));
    const headers = (await screen.findAllByRole('columnheader')).map(({ textContent }) => textContent);
    const [header, ...cells] = within(screen.getByRole('table')).getAllByRole('cell');
    expect(headers).toEqual([
      'Destination',
      'State',
      'Stored',
      'Filtered out',
      'Delivered',
      'Dead',
      'Waiting',
      'Last delivery',
    ]);
    expect(header).toHaveTextContent('Failing');
    expect(cells.slice(0, 6).map(({ textContent }) => textContent)).toEqual([
      'Stored100',
      'Filtered out20',
      'Delivered80',
      'Dead0',
      'Waiting1,05812 minutes',
      'Last delivery24/11/2026, 22:04:05',
    ]);
  });

  it('defines a figure for whoever comes to it by keyboard', async () => {
    show(listing(destination('audit')));
    await screen.findByRole('table');
    const term = screen.getAllByRole('button', { name: 'Filtered out' })[0]!;
    while (document.activeElement !== term) await userEvent.tab();
    expect(await screen.findByRole('tooltip')).toHaveTextContent('Events that its filters kept back');
  });

  it('tells the last error with what the receiver answered', async () => {
    show(listing(failing));
    const audit = await row('audit');
    expect(audit.getByText(/^7 attempts in a row failed, the last one at 24\/11\/2026/)).toBeInTheDocument();
    expect(audit.getByText(/It is tried again at 24\/11\/2026, 22:05:00/)).toBeInTheDocument();
    const answer = audit.getByText('<html>upstream connect error</html>');
    expect(answer).not.toBeVisible();
    await userEvent.click(audit.getByText('What the receiver answered'));
    expect(answer).toBeVisible();
  });

  it('tells an error that is over as one', async () => {
    const over = { ...failing.last_error!, attempts: 0, next_attempt_at: null };
    show(listing(destination('audit', 'up_to_date', { last_error: over })));
    expect((await row('audit')).getByText(/^It delivers again\. The last attempt/)).toBeInTheDocument();
  });

  it('shows how far the past and the replays are', async () => {
    const replays = [{ after: 100, up_to: 500, position: 300, asked_at: '2026-11-25T01:00:00.000Z' }];
    show(listing(destination('lake', 'backfilling', { position: 600, head: 1000, replays })));
    await row('lake');
    const past = screen.getByRole('progressbar', { name: 'Catching up with the past' });
    const replay = screen.getByRole('progressbar', { name: 'Sending again: positions 101 to 500' });
    expect([past, replay].map((bar) => [bar.getAttribute('value'), bar.getAttribute('max')])).toEqual([
      ['600', '1000'],
      ['200', '400'],
    ]);
  });

  it('keeps one that is gone from the configuration, and offers nothing that would need its settings', async () => {
    show(listing(destination('gone', 'not_configured', { is_configured: false, people: null, to: '' })));
    await row('gone');
    expect(
      screen.getByText(/gone is gone from the configuration\. It keeps its position/),
    ).toBeInTheDocument();
    expect(screen.getByRole('button', { name: 'Send a test event: gone' })).toBeDisabled();
    expect(screen.getByRole('button', { name: 'Send again…: gone' })).toBeDisabled();
  });

  it('refreshes by itself, and leaves open what was opened', async () => {
    let delivered = 80;
    show({ 'GET /destinations': () => ({ destinations: [{ ...failing, delivered: (delivered += 1) }] }) });
    const audit = await row('audit');
    await userEvent.click(audit.getByText('What the receiver answered'));
    expect(await audit.findByText('82', {}, { timeout: 10_000 })).toBeInTheDocument();
    expect(audit.getByText('<html>upstream connect error</html>')).toBeVisible();
  }, 20_000);

  it('keeps the figures when the service is not reached, and says so', async () => {
    let isReached = true;
    show({
      'GET /destinations': () => {
        if (!isReached) throw new TypeError('Failed to fetch');
        return { destinations: [failing] };
      },
    });
    await row('audit');
    isReached = false;
    const alert = await screen.findByRole('alert', {}, { timeout: 15_000 });
    expect(alert).toHaveTextContent('Destinations: could not be loaded');
    expect(await row('audit')).toBeTruthy();
  }, 20_000);

  it('is an example to paste where there is no destination', async () => {
    show(listing());
    expect(await screen.findByRole('region', { name: 'Nothing is forwarded yet' })).toHaveTextContent(
      /analytics-internal\.yaml.*destinations:.*type: webhook/s,
    );
  });

  it('has no accessibility violation that can be found without looking', async () => {
    show(listing(failing, destination('lake', 'backfilling')));
    await row('audit');
    const found = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
    });
    expect(found.violations.map(({ id }) => id)).toEqual([]);
  });
});

describe('what can be done with a destination', () => {
  it('is paused and resumed', async () => {
    let state: 'up_to_date' | 'paused' = 'up_to_date';
    const become = (next: typeof state) => () => destination('audit', (state = next));
    const { done } = show({
      'GET /destinations': () => ({ destinations: [destination('audit', state)] }),
      'POST /destinations/audit/pause': become('paused'),
      'POST /destinations/audit/resume': become('up_to_date'),
    });
    await row('audit');
    await press('Pause: audit');
    await userEvent.click(await screen.findByRole('button', { name: 'Resume: audit' }));
    expect(await screen.findByRole('button', { name: 'Pause: audit' })).toBeInTheDocument();
    expect(done.map(({ path }) => path)).toEqual(['/destinations/audit/pause', '/destinations/audit/resume']);
  });

  it('says why it could not be done', async () => {
    const problem = { title: 'Not now', status: 503, detail: 'the database does not answer' };
    show({
      ...listing(destination('audit')),
      'POST /destinations/audit/pause': () => Response.json(problem, { status: 503 }),
    });
    await row('audit');
    await press('Pause: audit');
    expect(await screen.findByRole('alert')).toHaveTextContent('the database does not answer');
  });

  it('is sent a test event, and what its receiver answered is shown', async () => {
    const result = {
      is_delivered: false,
      sent: '{"action":"test"}',
      error: 'the receiver answered 401',
      status: 401,
      answer: 'who are you?',
      seconds: 0.1234,
    };
    const { done } = show({
      ...listing(destination('audit')),
      'POST /destinations/audit/test': () => result,
    });
    await row('audit');
    await press('Send a test event: audit');
    const shown = await dialog();
    expect(
      await shown.findByText(
        'audit did not take the test event, after 0.12 seconds: the receiver answered 401',
      ),
    ).toBeInTheDocument();
    expect(shown.getByText('who are you?')).toBeVisible();
    expect(shown.getByText('{"action":"test"}')).not.toBeVisible();
    await userEvent.click(shown.getByRole('button', { name: 'Send another one' }));
    await waitFor(() => expect(done).toHaveLength(2));
  });

  const queued = (changes: object) => ({ dead_letters: 0, after: null, up_to: null, events: 0, ...changes });

  it('is sent its dead letters again', async () => {
    const { done } = show({
      ...listing(destination('audit', 'up_to_date', { dead: 3, dead_letters: 3 })),
      'POST /destinations/audit/replay': () => queued({ dead_letters: 3 }),
    });
    await row('audit');
    await press('Send again…: audit');
    const asked = await dialog();
    expect(asked.getByRole('radio', { name: 'Its dead letters (3)' })).toBeChecked();
    expect(asked.getByText(/^Sends 3 dead letters again/)).toBeInTheDocument();
    await userEvent.click(asked.getByRole('button', { name: 'Send again' }));
    expect(
      await asked.findByText('3 dead letters will be sent again, beside what is new.'),
    ).toBeInTheDocument();
    expect(done).toEqual([{ path: '/destinations/audit/replay', body: { dead_letters: 'all' } }]);
  });

  it('is sent what is after a position again', async () => {
    const { done } = show({
      ...listing(destination('audit')),
      'POST /destinations/audit/replay': () => queued({ after: 10, up_to: 100, events: 90 }),
    });
    await row('audit');
    await press('Send again…: audit');
    const asked = await dialog();
    expect(asked.getByRole('radio', { name: 'Its dead letters (0)' })).toBeDisabled();
    await userEvent.click(asked.getByRole('radio', { name: 'What is after a position' }));
    expect(asked.getByRole('button', { name: 'Send again' })).toBeDisabled();
    await userEvent.type(asked.getByRole('textbox', { name: 'After position' }), '10');
    await userEvent.tab();
    await userEvent.click(asked.getByRole('button', { name: 'Send again' }));
    expect(await asked.findByText('90 events will be sent again, beside what is new.')).toBeInTheDocument();
    expect(done[0]?.body).toEqual({ after: 10, up_to: null });
  });

  it('is sent again what was stored in a period of time of the reporting zone', async () => {
    const { done } = show({
      ...listing(destination('audit')),
      'POST /destinations/audit/replay': () => queued({ after: 10, up_to: 20, events: 10 }),
    });
    await row('audit');
    await press('Send again…: audit');
    const asked = await dialog();
    const from = await asked.findByLabelText('Stored from (America/Sao_Paulo)');
    await userEvent.type(from, '2026-11-25T09:30');
    await userEvent.type(asked.getByLabelText(/^Stored before/), '2026-11-25T10:00');
    await userEvent.click(asked.getByRole('button', { name: 'Send again' }));
    await waitFor(() =>
      expect(done[0]?.body).toEqual({ from: '2026-11-25T12:30:00.000Z', to: '2026-11-25T13:00:00.000Z' }),
    );
  });

  it('is sent no more of what was to be sent again', async () => {
    const replays = [{ after: 1, up_to: 5, position: 3, asked_at: '2026-11-25T01:00:00.000Z' }];
    const { done } = show({
      ...listing(destination('audit', 'up_to_date', { replays })),
      'POST /destinations/audit/cancel-replays': () => ({ replays: 1 }),
    });
    await row('audit');
    await press('Stop sending again: audit');
    await waitFor(() => expect(done.map(({ path }) => path)).toEqual(['/destinations/audit/cancel-replays']));
  });
});

describe('dead letters', () => {
  const withLetters = destination('audit', 'up_to_date', { dead: 30, dead_letters: 30 });

  function showLetters(more: Routes = {}, address = '/destinations?dead=audit') {
    return show(
      {
        ...listing(withLetters),
        'GET /destinations/audit/dead-letters': ({ searchParams }) =>
          searchParams.get('cursor') === '12'
            ? { dead_letters: [deadLetter(40)], total: 30, next_cursor: null }
            : {
                dead_letters: [
                  deadLetter(11, { event: { ...deadLetter(11).event!, user: 'user:default/ana' } }),
                  deadLetter(12, { reason: 'too_old', status: null, answer: null, event: null }),
                ],
                total: 30,
                next_cursor: 12,
              },
        ...more,
      },
      { address },
    );
  }

  it('are opened and closed from their row, and the address says which', async () => {
    showLetters({}, '/destinations');
    await row('audit');
    await press('30 dead letters: audit');
    expect(await screen.findByRole('region', { name: 'Dead letters of audit' })).toBeInTheDocument();
    expect(screen.getByTestId('address')).toHaveTextContent('/destinations?dead=audit');
    await press('Hide the dead letters');
    expect(screen.queryByRole('region', { name: 'Dead letters of audit' })).toBeNull();
  });

  it('say what the event is, why it died and what the receiver answered', async () => {
    showLetters();
    const table = within(await screen.findByRole('table', { name: 'Dead letters of audit' }));
    const [first, second] = table.getAllByRole('row').slice(1);
    expect(first).toHaveTextContent(/navigate \/catalogPosition 11 · .* · user:default\/ana/);
    expect(first).toHaveTextContent(
      /refused422 Unprocessable EntityWhat the receiver answered.*unknown field/,
    );
    expect(second).toHaveTextContent(/not in the log any morePosition 12/);
    expect(second).toHaveTextContent('too old');
  });

  it('are paged', async () => {
    showLetters();
    expect(await screen.findByText('2 of 30')).toBeInTheDocument();
    await press('Next page');
    expect(await screen.findByText(/Position 40/)).toBeInTheDocument();
    await press('First page');
    expect(await screen.findByText(/Position 11/)).toBeInTheDocument();
  });

  it('are sent again by selection', async () => {
    const { done } = showLetters({
      'POST /destinations/audit/replay': () => ({ dead_letters: 1, after: null, up_to: null, events: 0 }),
    });
    await userEvent.click(await screen.findByRole('checkbox', { name: 'Select the event at position 12' }));
    await press('Send 1 again');
    await waitFor(() => expect(done[0]?.body).toEqual({ dead_letters: [12] }));
    expect(await screen.findByRole('button', { name: 'Send all again' })).toBeInTheDocument();
  });

  it('are discarded only after a question', async () => {
    const { done } = showLetters({ 'POST /destinations/audit/discard': () => ({ dead_letters: 30 }) });
    await screen.findByRole('table', { name: 'Dead letters of audit' });
    await press('Discard all');
    const question = await dialog();
    expect(question.getByText('Discard 30 dead letters of audit?')).toBeInTheDocument();
    expect(done).toEqual([]);
    await userEvent.click(question.getByRole('button', { name: 'Discard' }));
    await waitFor(() => expect(done[0]?.body).toEqual({ dead_letters: 'all' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });
});

describe('who may not administer the service', () => {
  it('sees which permission is missing, and nothing is asked', async () => {
    const { asked } = show(listing(failing), { may: { admin: false } });
    const note = await screen.findByRole('note');
    expect(note).toHaveTextContent('analytics-internal.admin');
    expect(note).toHaveTextContent('which the administrators of this portal give');
    await waitFor(() => expect(asked).toContain('GET /configuration'));
  });

  it('sees it also when the service alone knows', async () => {
    const problem = { title: 'Not allowed', status: 403, detail: 'analytics-internal.admin is missing' };
    show({ 'GET /destinations': () => Response.json(problem, { status: 403 }) });
    expect(await screen.findByRole('note')).toHaveTextContent('analytics-internal.admin');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('finds the way to the destinations on the metrics page, or not (%s)', async (admin, count) => {
    const may = { read: true, people: true, admin };
    renderPage(<MetricsPage />, testClient({ configuration: { may } }));
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
    expect(screen.queryAllByRole('link', { name: 'Destinations' })).toHaveLength(count);
  });
});
