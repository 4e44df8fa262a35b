"""Bodies of the model APIs, asked, answered or streamed, in the contract's words; no file and no table."""
