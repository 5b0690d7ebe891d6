"""Search: versions of files by path, by facts and by content, living or deleted."""

from imgforensics.searching.answering import Search, search
from imgforensics.searching.examining import Findings
from imgforensics.searching.hash_list import HashList
from imgforensics.searching.lines import Hit
from imgforensics.searching.match import Match
from imgforensics.searching.query import Query
from imgforensics.searching.scope import ALL, DELETED, TOP, Among

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
