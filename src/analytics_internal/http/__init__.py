"""The HTTP API and the pages' files: requests in, answers and problems out."""
