"""Search: versions of files by path, by facts and by content, living or deleted."""

from imgforensics.search.examining import Findings
from imgforensics.search.hash_list import HashList
from imgforensics.search.lines import Hit
from imgforensics.search.match import Match
from imgforensics.search.query import Query
from imgforensics.search.scope import ALL, DELETED, TOP, Among
from imgforensics.search.searching import Search, search

__all__ = [
    "ALL",
    "DELETED",
    "TOP",
    "Among",
    "Findings",
    "HashList",
    "Hit",
    "Match",
    "Query",
    "Search",
    "search",
]
