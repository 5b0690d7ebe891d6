"""Tables of contents that layers carry for lazy pulling, compared with the layers' tars.

A lazily pulling runtime mounts what such a table says, `docker load` unpacks what the tar says;
nothing but the writer's honesty makes them the same.

::

    layer ──> finding: footer, annotations ──> estargz | zstd_chunked ──> document: rows
                                                                             │
              contents: digests <── comparing: rows against entries <────────┘

Sources: eStargz https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md;
zstd:chunked has no document but its code,
https://github.com/containers/storage/tree/main/pkg/chunked/internal/minimal.
"""

from imgforensics.contents_table.checking import TableCheck, check_contents_table

__all__ = ["TableCheck", "check_contents_table"]
