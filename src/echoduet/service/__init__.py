"""The review page: a local server that shows what curation found and keeps what a person answers."""
