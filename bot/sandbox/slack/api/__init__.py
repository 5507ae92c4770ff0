"""The Web API's methods, one family a file; `registry` knows them all by name."""
