"""Pictures in, words out, over HTTP: admission, decoding, batching, running, answering. Never torch."""
