import { formatDuration } from './durations';

it.each([
  [0, '0 seconds'],
  [0.1234, '0.12 seconds'],
  [1, '1 second'],
  [119.9, '119 seconds'],
  [120, '2 minutes'],
  [7_199, '119 minutes'],
  [7_200, '2 hours'],
  [172_799, '47 hours'],
  [259_200, '3 days'],
])('writes %d s as %s', (seconds, expected) => {
  expect(formatDuration(seconds, 'en')).toBe(expected);
});

it('writes in the language of the page', () => {
  expect(formatDuration(720, 'pt-BR')).toBe('12 minutos');
});
