// An hour of the browser's time is quick here, but not on a machine that has much else to do.
jest.setTimeout(60_000);
