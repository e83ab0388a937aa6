"""Commands about one kind of thing on the server each: list, show, create, delete."""
