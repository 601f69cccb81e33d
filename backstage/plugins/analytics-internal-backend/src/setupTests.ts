// How long a server of a test takes is no matter of these tests, and the machine may be busy.
jest.setTimeout(60_000);
