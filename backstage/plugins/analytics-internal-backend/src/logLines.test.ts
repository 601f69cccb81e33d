import { mockServices } from '@backstage/backend-test-utils';
import { PassThrough } from 'node:stream';
import { eachLine, logLine } from './logLines';

describe('lines of a stream', () => {
  it('are whole however they arrive, in characters of several bytes too, and the last one without its end', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    const reading = eachLine(stream, (line) => lines.push(line));

    for (const byte of Buffer.from('{"event":"café"}\n\nsecond ☕\r\nlast')) {
      stream.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    stream.end();
    await reading;

    expect(lines).toEqual(['{"event":"café"}', 'second ☕', 'last']);
  });

  it('end with a stream that breaks', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    const reading = eachLine(stream, (line) => lines.push(line));

    stream.write('first\nsec');
    await new Promise(setImmediate);
    stream.destroy(new Error('EPIPE'));
    await reading;

    expect(lines[0]).toBe('first');
  });
});

describe('a log line of the service', () => {
  it.each([
    ['debug', 'debug'],
    ['info', 'info'],
    ['warning', 'warn'],
    ['error', 'error'],
    ['critical', 'error'],
  ] as const)('of level %s is the backend’s %s, with its message and fields', (level, method) => {
    const logger = mockServices.logger.mock();

    logLine(
      logger,
      JSON.stringify({
        event: 'stopping',
        level,
        timestamp: '2026-11-25T04:41:27Z',
        logger: 'x',
        asked_by: 'SIGTERM',
      }),
    );

    expect(logger[method]).toHaveBeenCalledWith('stopping', { logger: 'x', asked_by: 'SIGTERM' });
  });

  it('keeps a field whose name the backend’s logger uses itself', () => {
    const logger = mockServices.logger.mock();

    logLine(logger, '{"event": "said", "level": "info", "message": "hello", "type": "greeting"}');

    expect(logger.info).toHaveBeenCalledWith('said', { service_message: 'hello', service_type: 'greeting' });
  });

  it.each(['Traceback (most recent call last):', '{"event": ', '{"no": "event"}', '17', 'null'])(
    'that is none (%s) is left to others',
    (line) => {
      const logger = mockServices.logger.mock();

      expect(logLine(logger, line)).toBe(false);
      expect(logger.warn).not.toHaveBeenCalled();
    },
  );
});
