// These tests do not measure time, and the machine may be busy.
jest.setTimeout(60_000);
