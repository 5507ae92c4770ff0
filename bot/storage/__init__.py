"""The only importer of peewee: rows never leave this room, its functions return domain dataclasses."""
