"""What bounds one server: sizes, threads, times. Every number is a default that may be changed."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """Limits of one server; none of them changes what a search answers."""

    title: str = "Mercer"  # shown on the pages
    max_body_bytes: int = MIB  # of any request but a batch of listings
    max_form_bytes: int = 16 * 1024  # a form of our own pages
    max_batch_bytes: int = 16 * MIB
    max_batch_items: int = 1_000
    max_item_bytes: int = (
        MIB  # one listing as JSON; a larger one is rejected, its neighbours are not
    )
    max_events_bytes: int = 8 * MIB  # of a batch of events
    max_event_items: int = 2_000
    max_event_bytes: int = 64 * 1024  # one event as JSON; unknown fields are kept, so it is bounded
    max_url_bytes: int = MIB
    max_depth: int = 10_000  # page * per_page: the deepest hit that paging reaches
    read_threads: int = 4  # searches and suggestions that run at the same time
    ask_threads: int = 4  # searches that other processes are asked for at the same time
    write_threads: int = 8  # batches and deletions that may share one commit
    event_threads: int = 4  # batches of events that may share one commit
    draw_threads: int = 2  # pictures that are drawn at the same time
    max_waiting: int = 256  # calls that may wait for a thread; the next one gets a 503 at once
    read_timeout_s: float = 10.0
    write_timeout_s: float = 120.0
    image_cache_bytes: int = 64 * MIB
    max_headers: int = 100
    max_header_bytes: int = 64 * 1024  # names and values together
    head_timeout_s: float = (
        10.0  # from the first byte of a connection or request to the last header
    )
    body_timeout_s: float = 60.0  # from then to the last byte of the body
    max_connections: int = 2_000  # open at the same time, in one process
    address_rate_per_s: float = 50.0  # requests of one address; none for this machine itself
    key_rate_per_s: float = 1_000.0  # requests with one key that has no rate of its own
    cors_origins: tuple[str, ...] = ()  # foreign pages that may read /v1 with a key
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")  # of the Host header
    keep_alive_s: int = 75  # an idle connection; longer than proxies keep theirs
    stop_timeout_s: int = 10  # requests that are under way may finish within this time
