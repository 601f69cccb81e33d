import { readPlace, writePlace } from './place';

const read = (address: string) => readPlace(new URLSearchParams(address));

it('comes back as it was written', () => {
  const place = { cursor: 'eyJ-_.1', position: 1234 };
  expect(read(`cursor=${writePlace(place)}`)).toEqual(place);
});

it.each(['', 'cursor=', 'cursor=abc', 'cursor=12.', 'cursor=.abc', 'cursor=-1.abc'])(
  'is the first page where the address names none: %s',
  (address) => expect(read(address)).toBeNull(),
);
