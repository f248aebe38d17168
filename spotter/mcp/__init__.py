"""A server of the Model Context Protocol (https://modelcontextprotocol.io): language models read pictures and PDFs."""
