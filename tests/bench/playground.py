"""Playground containers against the seed's literal way, `docker run` and the app's own import: `tests.playground.bench`."""

from tests.playground.bench import main

if __name__ == "__main__":
    main()
