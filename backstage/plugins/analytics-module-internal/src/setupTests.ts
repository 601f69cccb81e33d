// The tests simulate hours, which takes long on a busy machine.
jest.setTimeout(60_000);
